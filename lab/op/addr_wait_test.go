package op_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

// After Wait, an IPv6 address is one that its namespace takes packets in for.
func TestAddrWait(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	kerneltest.Namespace(t, "addrs-a")
	kerneltest.Namespace(t, "addrs-b")
	k := &op.Kernel{Lab: "addrs"}
	cable := decoded(t, "Veth", `{"NS":"addrs-a","Name":"va","Peer":{"NS":"addrs-b","Name":"vb"}}`)
	near, far := op.Up{NS: "addrs-a", Dev: "va"}, op.Up{NS: "addrs-b", Dev: "vb"}
	makeTrue(t, k, cable, near, far)
	a := op.Addr{NS: near.NS, Dev: near.Dev, Prefix: netip.MustParsePrefix("fd00::1/64")}
	wait := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := a.Wait(ctx, k); err != nil {
			t.Fatal(err)
		}
	}
	late := 0
	for range 50 {
		makeTrue(t, k, a)
		if !ownAddress(t, k, a) {
			late++
		}
		wait()
		if !ownAddress(t, k, a) {
			t.Error("Wait has returned, and packets to the address are not taken in")
		}
		undo(t, k, a)
	}
	t.Logf("without Wait, %d of 50 would have been too early", late)
	wait() // it is gone: there is nothing to wait for
	undo(t, k, far)
	makeTrue(t, k, a)
	wait() // the cable has no other end that is up
	a.NS = "addrs-gone"
	wait() // there is nobody to wait for
}

func makeTrue(t *testing.T, k *op.Kernel, facts ...op.Op) {
	t.Helper()
	for _, o := range facts {
		if err := o.Do(k); err != nil {
			t.Fatalf("%s: %v", o, err)
		}
	}
}

// ownAddress says whether the kernel takes packets to an address in.
func ownAddress(t *testing.T, k *op.Kernel, a op.Addr) (own bool) {
	t.Helper()
	err := k.Inside(a.NS, func() error {
		rs, err := (&netlink.Handle{}).RouteGet(a.Prefix.Addr().AsSlice())
		own = err == nil && len(rs) == 1 && rs[0].Type == unix.RTN_LOCAL
		return nil // ENETUNREACH: not yet
	})
	if err != nil {
		t.Fatal(err)
	}
	return own
}
