package probe_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/vishvananda/netlink"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
	"nslab/lab/probe"
	"nslab/topology"
)

// The network of the tests, two rooms on either side of a router and one
// without a lo, each with both families:
//
//	red .1 --- 10.0.0.0/24 --- .254 rt .254 --- 10.0.1.0/24 --- .2 blue
//	dark .3 -- 10.0.3.0/24 --- .254
//
// lonely has no cable. Nobody is 10.0.0.99, and the router knows nobody else.
type testNet struct {
	kernel *op.Kernel
	state  *topology.State
}

type testEnd struct{ ns, dev, v4, v6 string }

var cables = [][2]testEnd{
	{{"red", "eth0", "10.0.0.1/24", "fd00:0:0:a::1/64"}, {"rt", "r0", "10.0.0.254/24", "fd00:0:0:a::fe/64"}},
	{{"blue", "eth0", "10.0.1.2/24", "fd00:0:0:b::2/64"}, {"rt", "r1", "10.0.1.254/24", "fd00:0:0:b::fe/64"}},
	{{"dark", "eth0", "10.0.3.3/24", "fd00:0:0:d::3/64"}, {"rt", "r3", "10.0.3.254/24", "fd00:0:0:d::fe/64"}},
}

func newNet(t *testing.T) *testNet {
	t.Helper()
	n := &testNet{kernel: &op.Kernel{Lab: "probes", Dir: t.TempDir()}, state: &topology.State{}}
	for _, ns := range []string{"red", "rt", "blue", "dark", "lonely"} {
		kerneltest.Namespace(t, ns)
		n.state.Namespaces = append(n.state.Namespaces, topology.Namespace{Name: topology.Word{Text: ns}})
		if ns != "dark" {
			n.do(t, op.Up{NS: ns, Dev: "lo"})
		}
	}
	n.do(t, op.Sysctl{NS: "rt", Key: "net.ipv4.ip_forward", Value: "1"},
		op.Sysctl{NS: "rt", Key: "net.ipv6.conf.all.forwarding", Value: "1"})
	for _, c := range cables {
		n.cable(t, c[0], c[1])
	}
	for _, c := range cables {
		for _, p := range []string{"0.0.0.0/0", "::/0"} {
			via := netip.MustParsePrefix(c[1].v4)
			if p == "::/0" {
				via = netip.MustParsePrefix(c[1].v6)
			}
			n.do(t, op.Route{NS: c[0].ns, To: netip.MustParsePrefix(p), Via: via.Addr(), Dev: "eth0"})
		}
	}
	return n
}

func (n *testNet) cable(t *testing.T, ends ...testEnd) {
	t.Helper()
	link := topology.Link{Kind: topology.Word{Text: "veth"}, Options: topology.Value{Kind: topology.Map}}
	for _, e := range ends {
		link.Ends = append(link.Ends, topology.End{
			Node: topology.Word{Text: e.ns}, Interface: topology.Word{Text: e.dev},
			Addresses: []topology.Address{{Prefix: netip.MustParsePrefix(e.v4)}, {Prefix: netip.MustParsePrefix(e.v6)}},
		})
	}
	n.state.Links = append(n.state.Links, link)
	veth, err := op.ReadLink(link, n.state)
	if err != nil {
		t.Fatal(err)
	}
	n.do(t, veth)
	for _, e := range ends {
		n.do(t, op.Addr{NS: e.ns, Dev: e.dev, Prefix: netip.MustParsePrefix(e.v4)},
			op.Addr{NS: e.ns, Dev: e.dev, Prefix: netip.MustParsePrefix(e.v6)}, op.Up{NS: e.ns, Dev: e.dev})
	}
}

func (n *testNet) do(t *testing.T, facts ...op.Op) {
	t.Helper()
	for _, f := range facts {
		if err := f.Do(n.kernel); err != nil {
			t.Fatalf("%v: %v", f, err)
		}
	}
}

// serve starts a service for the time of the test.
func (n *testNet) serve(t *testing.T, s op.Service) {
	t.Helper()
	n.do(t, s)
	t.Cleanup(func() {
		if err := s.Undo(n.kernel); err != nil {
			t.Error(err)
		}
	})
}

// specialRoute makes a blackhole, prohibit or unreachable route.
func (n *testNet) specialRoute(t *testing.T, ns, to string, typ int) {
	t.Helper()
	_, dst, err := net.ParseCIDR(to)
	if err != nil {
		t.Fatal(err)
	}
	err = n.kernel.In(ns, func(h *netlink.Handle) error { return h.RouteAdd(&netlink.Route{Dst: dst, Type: typ}) })
	if err != nil {
		t.Fatal(err)
	}
}

// ask reads one check and asks it.
func (n *testNet) ask(t *testing.T, kind string, args, expect topology.Value, within string) []probe.Result {
	t.Helper()
	return probe.Ask(context.Background(), n.kernel, n.read(t, kind, args, expect, within), nil)
}

func (n *testNet) read(t *testing.T, kind string, args, expect topology.Value, within string) []probe.Assertion {
	t.Helper()
	as, errs := probe.Read(topology.Check{
		Kind: topology.Word{Text: kind}, Args: args, Expect: expect, Within: topology.Word{Text: within},
	}, n.state)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return as
}

// mapping is {key: value, ...} as the file would have it.
func mapping(words ...string) topology.Value {
	v := topology.Value{Kind: topology.Map, Pos: topology.Pos{File: "lab.yaml", Line: 1, Col: 1}}
	for i := 0; i < len(words); i += 2 {
		pos := topology.Pos{File: "lab.yaml", Line: 1, Col: 2 + 10*i}
		v.Keys = append(v.Keys, topology.Word{Text: words[i], Pos: pos})
		v.Items = append(v.Items, word(words[i+1]))
	}
	return v
}

func word(s string) topology.Value {
	return topology.Value{Kind: topology.Scalar, Text: s, Pos: topology.Pos{File: "lab.yaml", Line: 2, Col: 3}}
}

func list(words ...string) topology.Value {
	v := topology.Value{Kind: topology.List, Pos: topology.Pos{File: "lab.yaml", Line: 3, Col: 1}}
	for _, w := range words {
		v.Items = append(v.Items, word(w))
	}
	return v
}

func descriptors(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}
