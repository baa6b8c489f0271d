package op_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

// star is a switch in namespace hub and n rooms around it, in the order of a plan.
func star(t *testing.T, n int) (facts []op.Op) {
	t.Helper()
	addr := func(i int) netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, 0, byte(i)}), 24) }
	room := func(i int) string { return fmt.Sprintf("arm%d", i) }
	facts = append(facts, op.Namespace{Name: "hub"})
	for i := range n {
		facts = append(facts, op.Namespace{Name: room(i)}, op.Up{NS: room(i), Dev: "lo"})
	}
	facts = append(facts, bridge("hub", "sw"), op.Addr{NS: "hub", Dev: "sw", Prefix: addr(254)}, op.Up{NS: "hub", Dev: "sw"})
	for i := range n {
		port := fmt.Sprintf("port%d", i)
		facts = append(facts, cable(t, place("hub", port), place(room(i), "eth0")),
			op.Master{NS: "hub", Dev: port, Bridge: "sw"}, op.Up{NS: "hub", Dev: port, Quiet: true},
			op.Addr{NS: room(i), Dev: "eth0", Prefix: addr(i + 1)}, op.Up{NS: room(i), Dev: "eth0", Quiet: true},
			op.Route{NS: room(i), To: netip.MustParsePrefix("0.0.0.0/0"), Via: addr(254).Addr(), Out: "eth0"})
	}
	return append(facts, op.Route{NS: "hub", To: netip.MustParsePrefix("10.8.0.0/24"), Via: addr(1).Addr(), Out: "sw"})
}

// together makes facts as the engine does; what does not go alone is told.
func together(k *op.Kernel, facts []op.Op) (made []bool, failed int, err error) {
	serr := k.Session(func(k *op.Kernel) error {
		made, failed, err = op.Together(context.Background(), k, facts, op.Hands{Alone: func(o op.Op) error { return o.Do(k) }, Remember: func([]op.Op, []string) error { return nil }})
		return nil
	})
	return made, failed, errors.Join(err, serr)
}

func undoAll(t *testing.T, k *op.Kernel, facts []op.Op) {
	t.Helper()
	for _, o := range facts {
		if _, ok := o.(op.Namespace); ok {
			undo(t, k, o)
		}
	}
}

// What is made together is true afterwards, and ready.
func TestTogether(t *testing.T) {
	kerneltest.Need(t)
	k := &op.Kernel{Lab: "together"}
	facts := star(t, 40) // more than are sent at once
	defer undoAll(t, k, facts)
	made, failed, err := together(k, facts)
	if err != nil || failed != -1 {
		t.Fatalf("fact %d: %v", failed, err)
	}
	for i, o := range facts {
		if !made[i] {
			t.Errorf("%s is not said to be made", o)
		}
		wantTrue(t, k, o)
	}
	for _, o := range facts {
		if w, ok := o.(op.Waiter); ok {
			if err := w.Wait(t.Context(), k); err != nil {
				t.Errorf("%s: %v", o, err)
			}
		}
	}
	if ports := strings.Count(must(t, "hub", "bridge link"), "state forwarding"); ports != 40 {
		t.Errorf("%d ports of 40 forward", ports)
	}
	if addrs := must(t, "arm7", "ip -6 addr show eth0"); addrs != "" {
		t.Errorf("a quiet interface has given itself an address:\n%s", addrs)
	}
}

// One end of a cable has a name that is taken: the refusal is that of Do, and
// the stranger is not touched by the facts behind it.
func TestTogetherIsRefused(t *testing.T) {
	kerneltest.Need(t)
	needTools(t, "ip")
	k := &op.Kernel{Lab: "together"}
	facts := star(t, 3)
	defer undoAll(t, k, facts)
	if _, _, err := together(k, facts[:7]); err != nil { // the namespaces
		t.Fatal(err)
	}
	must(t, "hub", "ip link add port1 type bridge")
	before := must(t, "hub", "ip -d link show port1")
	made, failed, err := together(k, facts[7:])
	if !errors.Is(err, unix.EEXIST) || !errors.Is(err, fs.ErrExist) || err.Error() != "there is an interface port1 in hub already: file exists" {
		t.Errorf("error %v", err)
	}
	if at := 3 + 6; failed != at || made[at] || !made[0] {
		t.Errorf("fact %d has failed, made: %v; want fact %d", failed, made, at)
	}
	if after := must(t, "hub", "ip -d link show port1"); after != before {
		t.Errorf("the stranger was changed:\n%s\n%s", before, after)
	}
}

// Somebody has done one of them already: that is no refusal to who asks Diff.
func TestTogetherAgain(t *testing.T) {
	kerneltest.Need(t)
	k := &op.Kernel{Lab: "together"}
	facts := star(t, 2)
	defer undoAll(t, k, facts)
	if _, _, err := together(k, facts); err != nil {
		t.Fatal(err)
	}
	asked := 0
	alone := func(o op.Op) error {
		asked++
		diff, err := o.Diff(k)
		if diff != "" {
			t.Errorf("%s: %s", o, diff)
		}
		return err
	}
	made, failed, err := op.Together(t.Context(), k, facts, op.Hands{Alone: alone})
	if err != nil || failed != -1 || asked == 0 {
		t.Errorf("fact %d: %v, %d were asked alone", failed, err, asked)
	}
	for i, o := range facts {
		if !made[i] {
			t.Errorf("%s is not said to be made", o)
		}
	}
}

func TestTogetherIsCancelled(t *testing.T) {
	kerneltest.Need(t)
	k := &op.Kernel{Lab: "together"}
	facts := star(t, 3)
	defer undoAll(t, k, facts)
	ctx, cancel := context.WithCancel(t.Context())
	made, failed, err := op.Together(ctx, k, facts, op.Hands{Alone: func(o op.Op) error {
		cancel() // at the first namespace
		return o.Do(k)
	}})
	if !errors.Is(err, context.Canceled) || failed != -1 || !made[0] {
		t.Errorf("fact %d: %v, made: %v", failed, err, made)
	}
	for i := range made[1:] {
		if made[i+1] {
			t.Errorf("%s was made after the end", facts[i+1])
		}
	}
}

// A refusal comes with the kernel's own words.
func TestExplanation(t *testing.T) {
	kerneltest.Need(t)
	kerneltest.Namespace(t, "words")
	k := &op.Kernel{Lab: "words"}
	r := op.Route{NS: "words", To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("192.0.2.1")}
	err := r.Do(k)
	if !errors.Is(err, unix.ENETUNREACH) || err.Error() != "network is unreachable: Nexthop has invalid gateway" {
		t.Errorf("error %v", err)
	}
	if err := (op.Up{NS: "words", Dev: "none"}).Do(k); !errors.Is(err, unix.ENODEV) {
		t.Errorf("error %v", err)
	}
	if err := (op.Addr{NS: "words", Dev: "none", Prefix: netip.MustParsePrefix("10.0.0.1/24")}).Do(k); !errors.Is(err, unix.ENODEV) {
		t.Errorf("error %v", err)
	}
}

// What a session has seen is forgotten as soon as something is done, by
// whatever fact.
func TestSessionForgets(t *testing.T) {
	kerneltest.Need(t)
	kerneltest.Namespace(t, "memory")
	needTools(t, "ip")
	err := (&op.Kernel{Lab: "memory"}).Session(func(k *op.Kernel) error {
		sw, up := bridge("memory", "sw"), op.Up{NS: "memory", Dev: "sw"}
		wantFalse(t, k, sw, "sw in memory does not exist")
		for _, o := range []op.Op{sw, up} {
			if err := o.Do(k); err != nil {
				return err
			}
			wantTrue(t, k, o)
		}
		undo(t, k, sw)
		wantFalse(t, k, up, "sw in memory does not exist")
		if err := sw.Do(k); err != nil { // with another index, perhaps
			return err
		}
		addr := op.Addr{NS: "memory", Dev: "sw", Prefix: netip.MustParsePrefix("10.9.0.1/24")}
		if err := addr.Do(k); err != nil {
			return err
		}
		wantTrue(t, k, addr)
		err := k.Inside("memory", exec.CommandContext(t.Context(), "ip", "link", "del", "sw").Run)
		wantFalse(t, k, addr, "sw in memory does not exist")
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
