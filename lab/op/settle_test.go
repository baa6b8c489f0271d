package op_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/netns"
	"nslab/lab/op"
)

// Interfaces carry packets after Wait, and with a kernel that Settle can hurry at
// once. Both ends of these cables have the same number, which the kernel takes its
// time with.
func TestSettle(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	kerneltest.Namespace(t, "settle-a")
	kerneltest.Namespace(t, "settle-b")
	k := &op.Kernel{Lab: "settle"}
	var ups []op.Op
	for i := range 40 { // more than go in one message
		dev := fmt.Sprintf("eth%d", i)
		slowCable(t, k, "settle-a", "settle-b", dev)
		ups = append(ups, op.Up{NS: "settle-a", Dev: dev}, op.Up{NS: "settle-b", Dev: dev})
	}
	makeTrue(t, k, ups...)
	err := k.Session(func(in *op.Kernel) error {
		op.Settle(in, append(ups, op.Up{NS: "settle-b", Dev: "none"}, op.Up{NS: "nowhere", Dev: "eth0"}))
		if sinceLinux(t, 6, 8) {
			wantLive(t, k, "settle-a", "settle-b")
		}
		for _, up := range ups {
			if err := up.(op.Waiter).Wait(t.Context(), in); err != nil {
				return err
			}
		}
		wantLive(t, k, "settle-a", "settle-b")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// What Settle was told is not asked for again, until something is done.
func TestSettleRemembers(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	kerneltest.Namespace(t, "told-a")
	kerneltest.Namespace(t, "told-b")
	asked := 0
	k := &op.Kernel{Lab: "told", Fault: func(string) error { asked++; return nil }}
	slowCable(t, k, "told-a", "told-b", "eth0")
	far := op.Up{NS: "told-b", Dev: "eth0"}
	makeTrue(t, k, op.Up{NS: "told-a", Dev: "eth0"})
	err := k.Session(func(in *op.Kernel) error {
		op.Settle(in, []op.Op{far}) // it is down
		asked = 0
		if err := far.Wait(t.Context(), in); err != nil || asked > 0 {
			t.Errorf("Wait: %v, and it went to look %d times", err, asked)
		}
		if err := far.Do(in); err != nil {
			return err
		}
		if err := far.Wait(t.Context(), in); err != nil {
			return err
		}
		wantLive(t, k, "told-b")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// slowCable is a cable between a and b; both ends get the same index where both
// namespaces have as many interfaces.
func slowCable(t *testing.T, k *op.Kernel, a, b, dev string) {
	t.Helper()
	far, err := netns.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if err := k.In(a, func(h *netlink.Handle) error {
		return h.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: dev}, PeerName: dev, PeerNamespace: netlink.NsFd(far.Fd())})
	}); err != nil {
		t.Fatal(err)
	}
}

func sinceLinux(t *testing.T, major, minor int) bool {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	var x, y int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &x, &y); err != nil {
		t.Fatal(err)
	}
	return x > major || x == major && y >= minor
}

func wantLive(t *testing.T, k *op.Kernel, namespaces ...string) {
	t.Helper()
	for _, ns := range namespaces {
		for name, state := range states(t, k, ns) {
			if name != "lo" && state != netlink.OperUp {
				t.Errorf("%s in %s is %v", name, ns, state)
			}
		}
	}
}

// Who was not asked for is not taken for absent.
func TestSettleSome(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	kerneltest.Namespace(t, "some-a")
	kerneltest.Namespace(t, "some-b")
	k := &op.Kernel{Lab: "some"}
	up := op.Up{NS: "some-b", Dev: "eth0"}
	makeTrue(t, k, cable(t, place("some-a", "p0"), place("some-b", "eth0")), cable(t, place("some-a", "p1"), place("some-b", "eth1")))
	makeTrue(t, k, op.Up{NS: "some-a", Dev: "p0"}, up)
	addr := op.Addr{NS: "some-b", Dev: "eth1", Prefix: netip.MustParsePrefix("10.9.0.1/24")}
	err := k.Session(func(k *op.Kernel) error {
		op.Settle(k, []op.Op{up})
		if err := up.Wait(t.Context(), k); err != nil {
			return err
		}
		wantFalse(t, k, addr, "eth1 in some-b does not have 10.9.0.1/24")
		return addr.Do(k)
	})
	if err != nil {
		t.Error(err)
	}
}

func states(t *testing.T, k *op.Kernel, ns string) map[string]netlink.LinkOperState {
	t.Helper()
	out := map[string]netlink.LinkOperState{}
	err := k.In(ns, func(h *netlink.Handle) error {
		ls, err := h.LinkList()
		for _, l := range ls {
			out[l.Attrs().Name] = l.Attrs().OperState
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
