package probe_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
	"nslab/lab/probe"
	"nslab/topology"
)

// star is count namespaces on one switch, which has no address.
func star(tb testing.TB, count int) (*testNet, []string) {
	tb.Helper()
	n := &testNet{kernel: &op.Kernel{Lab: "star", Dir: tb.TempDir()}, state: &topology.State{}}
	kerneltest.Namespace(tb, "sw")
	do := func(facts ...op.Op) {
		for _, f := range facts {
			if err := f.Do(n.kernel); err != nil {
				tb.Fatalf("%v: %v", f, err)
			}
		}
	}
	bridge := topology.Bridge{Name: topology.Word{Text: "br0"}, In: topology.Word{Text: "sw"}}
	do(op.NewBridge(&bridge))
	var names []string
	for i := range count {
		name := fmt.Sprintf("n%d", i)
		names = append(names, name)
		kerneltest.Namespace(tb, name)
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i / 250), byte(i%250 + 1)}), 16)
		link := topology.Link{Kind: topology.Word{Text: "veth"}, Options: topology.Value{Kind: topology.Map}, Ends: []topology.End{
			{Node: topology.Word{Text: name}, Interface: topology.Word{Text: "eth0"}, Addresses: []topology.Address{{Prefix: p}}},
			{Node: topology.Word{Text: "sw"}, Interface: topology.Word{Text: "p" + name}},
		}}
		n.state.Links = append(n.state.Links, link)
		n.state.Namespaces = append(n.state.Namespaces, topology.Namespace{Name: topology.Word{Text: name}})
		veth, err := op.ReadLink(link, n.state)
		if err != nil {
			tb.Fatal(err)
		}
		for _, ns := range []string{name, "sw"} {
			_ = op.Sysctl{NS: ns, Key: "net.ipv6.conf.default.disable_ipv6", Value: "1"}.Do(n.kernel)
		}
		do(veth, op.Master{NS: "sw", Dev: "p" + name, Bridge: "br0"}, op.Addr{NS: name, Dev: "eth0", Prefix: p},
			op.Up{NS: name, Dev: "eth0"}, op.Up{NS: "sw", Dev: "p" + name})
	}
	do(op.Up{NS: "sw", Dev: "br0"})
	return n, names
}

// All pairs among more nodes than the neighbour table of the kernel has room
// for, one of them silent.
func TestWaves(t *testing.T) {
	n, names := star(t, 40)
	if err := (op.Sysctl{NS: "n7", Key: "net.ipv4.icmp_echo_ignore_all", Value: "1"}).Do(n.kernel); err != nil {
		t.Fatal(err)
	}
	args := mapping()
	args.Keys, args.Items = []topology.Word{{Text: "among"}}, []topology.Value{list(names...)}
	start := time.Now()
	silent := 0
	for _, r := range probe.Ask(context.Background(), n.kernel, n.read(t, "ping", args, topology.Value{}, ""), nil) {
		switch nodes := r.Assertion.Probe.Nodes(); {
		case nodes[1] == "n7" || r.Status == probe.Passed:
			if r.Status == probe.Failed {
				silent++
			}
		default:
			t.Errorf("%s: %s", r.Assertion.Title(), r.Message)
		}
	}
	if silent != 39 {
		t.Errorf("%d pings of n7 failed, want 39", silent)
	}
	t.Logf("40 nodes, 1560 pings, 39 of them silent: %v", time.Since(start).Round(time.Millisecond))
	if took := time.Since(start); took > 6*time.Second {
		t.Errorf("took %v: the silent ones were waited for in turn", took)
	}
}

// Who only answers has neighbour entries of those who ask. They take places in
// the same table, and are deleted too; not those that somebody has set by hand.
func TestForgetWhoAsked(t *testing.T) {
	n, names := star(t, 32)
	last := names[len(names)-1]
	inside(t, n, last, func(h *netlink.Handle, l netlink.Link) error {
		entry := netlink.Neigh{
			LinkIndex: l.Attrs().Index, IP: net.IPv4(10, 0, 0, 77), State: netlink.NUD_PERMANENT,
			HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 77},
		}
		return h.NeighAdd(&entry)
	})
	var as []probe.Assertion
	for range 2 { // more than are asked without deleting anything
		for i, from := range names {
			for _, to := range names[i+1:] {
				as = append(as, n.read(t, "ping", mapping("from", from, "to", to), topology.Value{}, "")...)
			}
		}
	}
	for _, r := range probe.Ask(t.Context(), n.kernel, as, nil) {
		if r.Status != probe.Passed {
			t.Errorf("%s: %s", r.Assertion.Title(), r.Message)
		}
	}
	inside(t, n, last, func(h *netlink.Handle, _ netlink.Link) error {
		entries, err := h.NeighList(0, netlink.FAMILY_V4)
		if len(entries) != 1 || entries[0].State != netlink.NUD_PERMANENT {
			t.Errorf("%s, which has asked nobody, knows %v", last, entries)
		}
		return err
	})
}

// Who is known by an address only, and asks others, is known all the same: here
// each asks the next.
func TestForgetWhoAskedAddresses(t *testing.T) {
	n, names := star(t, 32)
	var as []probe.Assertion
	for range 30 {
		for i, from := range names {
			to := netip.AddrFrom4([4]byte{10, 0, 0, byte((i+1)%len(names) + 1)}).String()
			as = append(as, n.read(t, "ping", mapping("from", from, "to", to), topology.Value{}, "")...)
		}
	}
	for _, r := range probe.Ask(t.Context(), n.kernel, as, nil) {
		if r.Status != probe.Passed {
			t.Errorf("%s: %s", r.Assertion.Title(), r.Message)
		}
	}
	left := 0
	for _, ns := range names {
		inside(t, n, ns, func(h *netlink.Handle, _ netlink.Link) error {
			entries, err := h.NeighList(0, netlink.FAMILY_V4)
			left += len(entries)
			return err
		})
	}
	if left > 3 { // who is asked first of all is not known yet
		t.Errorf("%d entries are left, want next to none", left)
	}
}

// Pings among many leave nothing in the neighbour tables, and what was there
// before stays.
func TestForget(t *testing.T) {
	n, names := star(t, 33)
	mine := netip.MustParseAddr("10.0.0.2") // n1's
	byHand := netlink.Neigh{IP: mine.AsSlice(), State: netlink.NUD_PERMANENT}
	inside(t, n, "n1", func(h *netlink.Handle, l netlink.Link) error {
		byHand.HardwareAddr = l.Attrs().HardwareAddr
		return nil
	})
	inside(t, n, "n0", func(h *netlink.Handle, l netlink.Link) error {
		byHand.LinkIndex = l.Attrs().Index
		return h.NeighAdd(&byHand)
	})
	args := mapping()
	args.Keys, args.Items = []topology.Word{{Text: "among"}}, []topology.Value{list(names...)}
	for _, r := range probe.Ask(context.Background(), n.kernel, n.read(t, "ping", args, topology.Value{}, ""), nil) {
		if r.Status != probe.Passed {
			t.Errorf("%s: %s", r.Assertion.Title(), r.Message)
		}
	}
	for _, name := range names {
		inside(t, n, name, func(h *netlink.Handle, l netlink.Link) error {
			entries, err := h.NeighList(l.Attrs().Index, netlink.FAMILY_V4)
			for _, e := range entries {
				if kept := name == "n0" && e.IP.Equal(byHand.IP); !kept || e.State != netlink.NUD_PERMANENT {
					t.Errorf("%s knows %v", name, e)
				}
			}
			if want := map[bool]int{true: 1}[name == "n0"]; len(entries) != want {
				t.Errorf("%s has %d neighbours, want %d", name, len(entries), want)
			}
			return err
		})
	}
}

// An answer that comes when its wave is long over leaves nothing either, on neither
// side: n0, whom nobody asks, comes to the network only when others of the last
// wave have answered.
func TestForgetLate(t *testing.T) {
	n, names := star(t, 33)
	set := func(up func(*netlink.Handle, netlink.Link) error) { inside(t, n, "n0", up) }
	set(func(h *netlink.Handle, l netlink.Link) error { return h.LinkSetDown(l) })
	var as []probe.Assertion
	for range 2 { // more than are asked without deleting anything
		for i, from := range names {
			for _, to := range names[i+1:] {
				as = append(as, n.read(t, "ping", mapping("from", from, "to", to), topology.Value{}, "20s")...)
			}
		}
	}
	var once sync.Once
	watch := func(r probe.Result) {
		if nodes := r.Assertion.Probe.Nodes(); nodes[0] == names[30] && nodes[1] == names[31] {
			once.Do(func() { set(func(h *netlink.Handle, l netlink.Link) error { return h.LinkSetUp(l) }) })
		}
	}
	for _, r := range probe.Ask(t.Context(), n.kernel, as, watch) {
		if r.Status != probe.Passed {
			t.Errorf("%s: %s", r.Assertion.Title(), r.Message)
		}
	}
	for _, name := range names {
		inside(t, n, name, func(h *netlink.Handle, l netlink.Link) error {
			entries, err := h.NeighList(l.Attrs().Index, netlink.FAMILY_V4)
			if len(entries) > 0 {
				t.Errorf("%s knows %v", name, entries)
			}
			return err
		})
	}
}

// inside looks at eth0 of a namespace.
func inside(t *testing.T, n *testNet, ns string, f func(*netlink.Handle, netlink.Link) error) {
	t.Helper()
	err := n.kernel.In(ns, func(h *netlink.Handle) error {
		l, err := h.LinkByName("eth0")
		if err != nil {
			return err
		}
		return f(h, l)
	})
	if err != nil {
		t.Fatal(err)
	}
}
