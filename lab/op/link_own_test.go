package op_test

import (
	"strings"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

// What somebody has changed of an interface does not make Diff and Undo
// disagree about whose it is.
func TestLinkIsKnownAfterAChange(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "ip")
	kerneltest.Namespace(t, "own-a")
	kerneltest.Namespace(t, "own-b")
	facts := renameable(t, "own-a", "own-b")
	given := decoded(t, "Veth", `{"NS":"own-a","Name":"va","MAC":"02:00:00:00:00:05","Peer":{"NS":"own-b","Name":"vb","MAC":"02:00:00:00:00:06"}}`)
	for _, c := range []struct {
		fact             op.Op
		ns, change, says string // says is "" where nothing is wrong
	}{
		{facts[1], "own-a", "ip link set sw group 0", ""},
		{facts[1], "own-a", "ip link set sw group 0; ip link set sw name mine", "sw in own-a was renamed to mine"},
		{facts[0], "own-a", "ip link set va group 0", ""},
		{facts[0], "own-a", "ip link set va group 0; ip link set va address 02:00:00:00:00:01", "va in own-a has the address 02:00:00:00:00:01"},
		{facts[0], "own-b", "ip link set vb address 02:00:00:00:00:01", "vb in own-b has the address 02:00:00:00:00:01"},
		{facts[0], "own-b", "ip link set vb mtu 1400", "vb in own-b has mtu 1400, not 1500"},
		{given, "own-a", "ip link set va group 0", ""},
		{given, "own-b", "ip link set vb group 0", ""},
	} {
		t.Run(c.change, func(t *testing.T) {
			k := &op.Kernel{Lab: "own"}
			if err := c.fact.Do(k); err != nil {
				t.Fatal(err)
			}
			must(t, c.ns, c.change)
			if c.says == "" {
				wantTrue(t, k, c.fact)
			} else {
				wantFalse(t, k, c.fact, c.says)
			}
			undo(t, k, c.fact)
			undo(t, k, c.fact)
			left := must(t, "own-a", "ip -br link") + must(t, "own-b", "ip -br link")
			for _, name := range []string{"va", "vb", "sw", "mine"} {
				if strings.Contains(left, name) {
					t.Errorf("left behind:\n%s", left)
				}
			}
		})
	}
}

// An interface that has the name and the address of the file may be anybody's:
// it is left alone, and said so, both by Diff and by Undo.
func TestLinkInDoubt(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "ip")
	kerneltest.Namespace(t, "doubt")
	k := &op.Kernel{Lab: "doubt"}
	const says = "sw in doubt has the address that the file gives it, but is not in the group of this lab: if it is the lab's, `ip -n doubt link set sw group "
	o := decoded(t, "Bridge", `{"NS":"doubt","Name":"sw","MAC":"02:00:00:00:00:05"}`)
	if err := o.Do(k); err != nil {
		t.Fatal(err)
	}
	must(t, "doubt", "ip link set sw group 0")
	wantFalse(t, k, o, says)
	err := o.Undo(k)
	if err == nil || !strings.HasPrefix(err.Error(), says) || !strings.HasSuffix(err.Error(), "if not, `ip -n doubt link del sw`: it may be another's") {
		t.Errorf("Undo: %v", err)
	}
	_, cure, _ := strings.Cut(err.Error(), "if it is the lab's, `")
	cure, _, _ = strings.Cut(cure, "`")
	typeIn(t, strings.Fields(cure))
	wantTrue(t, k, o)
	undo(t, k, o)
	wantFalse(t, k, o, "sw in doubt does not exist")
}

// The MTU of a bridge outlives its first port.
func TestMTUStays(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "ip")
	kerneltest.Namespace(t, "mtu")
	k := &op.Kernel{Lab: "mtu"}
	for _, mtu := range []int{9000, 1500, 1280} {
		sw, o := bridge("mtu", "sw"), op.MTU{NS: "mtu", Dev: "sw", MTU: mtu}
		for _, f := range []op.Op{sw, o} {
			if err := f.Do(k); err != nil {
				t.Fatal(err)
			}
		}
		must(t, "mtu", "ip link add va mtu 1400 type veth peer name vb; ip link set va master sw")
		wantTrue(t, k, o)
		undo(t, k, sw)
		must(t, "mtu", "ip link del va")
	}
}
