package discover

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// maxAsked is how many others a namespace asks over routes: a router with
// hundreds behind it would fill the file.
const maxAsked = 4

// routed writes pings over routes that are sure to be answered, one for each
// pair: the way there and the way back are followed as the kernel would.
func (d *draft) routed() []string {
	var out []string
	for _, from := range d.Namespaces {
		asked := 0
		for _, to := range d.Namespaces {
			if from == to || asked == maxAsked {
				continue
			}
			if addr, ok := d.answering(from, to); ok {
				out = append(out, fmt.Sprintf("- ping: {from: %s, to: %q}", from.Name, addr))
				asked++
			}
		}
	}
	return out
}

// answering is an address of a namespace that answers another over a route.
func (d *draft) answering(from, to *Namespace) (netip.Addr, bool) {
	for _, a := range d.addresses(to) {
		if d.answers(from, to, a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// addresses are those of a namespace in the lab, those of lo first: in an order
// that does not follow from the numbers of the interfaces.
func (d *draft) addresses(n *Namespace) []netip.Addr {
	var out, plugged []netip.Addr
	if lo := n.Interface("lo"); lo != nil && lo.Up {
		for _, a := range lo.Addresses {
			out = append(out, a.Addr())
		}
	}
	for _, p := range d.plugs {
		if p.node == n.Name && p.i.Up {
			plugged = append(plugged, p.prefix.Addr())
		}
	}
	slices.SortFunc(plugged, netip.Addr.Compare)
	return append(out, plugged...)
}

// hop is a namespace that a packet leaves, and the plug by which it does.
type hop struct {
	n   *Namespace
	out plug
}

// answers says whether a ping comes back. Where a router puts its own address
// into the packet, the answer goes there first.
func (d *draft) answers(from, to *Namespace, addr netip.Addr) bool {
	way, end, byRoute := d.way(from, addr)
	if end != to || !byRoute || !plain(from) || !plain(to) {
		return false
	}
	type seen struct {
		n    *Namespace
		addr netip.Addr
	}
	sources := []seen{{from, way[0].out.prefix.Addr()}}
	for _, h := range way[1:] {
		src, ok := masked(h, sources[len(sources)-1].addr)
		if !ok || !h.n.Forwarding && addr.Is4() || !h.n.Forward6 && addr.Is6() || len(h.n.Filters) > 0 {
			return false
		}
		if src.IsValid() {
			sources = append(sources, seen{h.n, src})
		}
	}
	back := []*Namespace{to}
	for _, s := range slices.Backward(sources) {
		answer, end, _ := d.way(back[len(back)-1], s.addr)
		if end != s.n {
			return false
		}
		for _, h := range answer[1:] {
			back = append(back, h.n)
		}
		back = append(back, end)
	}
	slices.Reverse(back)
	there := []*Namespace{}
	for _, h := range way {
		there = append(there, h.n)
	}
	return slices.Equal(append(there, to), back)
}

// plain says whether nothing in a namespace alters or drops what it sends and gets.
func plain(n *Namespace) bool {
	return !slices.ContainsFunc(n.Filters, func(hook string) bool { return hook != "forward" }) &&
		!slices.ContainsFunc(n.NAT, func(r Rule) bool { return !r.Whole || r.Kind == "dnat" && !r.hasPort() })
}

// masked is the source that a router gives a packet, invalid when it leaves it
// alone. It is not ok where a rule is not understood.
func masked(h hop, src netip.Addr) (netip.Addr, bool) {
	for _, r := range h.n.NAT {
		name, inverted := strings.CutPrefix(r.OutDev, "!")
		fits := name == "" || (name == h.out.i.Name) != inverted
		source := r.Kind == "masquerade" || r.Kind == "snat"
		switch {
		case !r.simple() || strings.HasSuffix(name, "+"):
			return netip.Addr{}, false
		case source && fits && (!r.From.IsValid() || r.From.Contains(src)):
			return h.out.prefix.Addr(), r.Kind == "masquerade" && r.Proto == "" && !r.Dest.IsValid()
		}
	}
	return netip.Addr{}, true
}

const maxHops = 16

// way follows a packet until somebody owns its destination; end is nil when
// nobody does, or when it cannot be told. byRoute says whether a route was needed.
func (d *draft) way(n *Namespace, to netip.Addr) (hops []hop, end *Namespace, byRoute bool) {
	for range maxHops {
		if slices.Contains(d.addresses(n), to) {
			return hops, n, byRoute && len(hops) > 0
		}
		out, next, route := d.lookup(n, to)
		there := d.owner(out, next)
		if there == nil {
			break
		}
		hops, n, byRoute = append(hops, hop{n, out}), there, byRoute || route
	}
	return hops, nil, false
}

// lookup is a look into the routing table: by which plug, and to which
// neighbour. Two answers are none.
func (d *draft) lookup(n *Namespace, to netip.Addr) (out plug, next netip.Addr, route bool) {
	best := -1
	consider := func(bits int, p plug, via netip.Addr, byRoute bool) {
		if bits == best {
			next = netip.Addr{}
		} else if bits > best {
			best, out, next, route = bits, p, via, byRoute
		}
	}
	for _, p := range d.plugs {
		if p.node == n.Name && p.i.Up && p.prefix.Contains(to) {
			consider(p.prefix.Bits(), p, to, false)
		}
	}
	for _, r := range n.Routes {
		if !r.To.Contains(to) {
			continue
		}
		p, ok := d.toward(n, r)
		if _, written := d.route(n, r); !ok || !written {
			return plug{}, netip.Addr{}, false
		}
		consider(r.To.Bits(), p, r.Via, true)
	}
	if d.seized[out.i] {
		return plug{}, netip.Addr{}, false
	}
	return out, next, route
}

// toward is the plug whose network holds the gateway of a route.
func (d *draft) toward(n *Namespace, r Route) (plug, bool) {
	for _, p := range d.plugs {
		if p.node == n.Name && p.i.Name == r.Dev && p.i.Up && r.Via.IsValid() && p.prefix.Contains(r.Via) {
			return p, true
		}
	}
	return plug{}, false
}

// owner is the namespace that has an address on the segment of a plug, nil when
// it is a stand-in, or two.
func (d *draft) owner(from plug, addr netip.Addr) (owner *Namespace) {
	if from.i == nil || !addr.IsValid() {
		return nil
	}
	for _, p := range d.plugs {
		if p.prefix.Addr() != addr || p.i == from.i || d.segments.of(d.port(p.n, p.i)) != d.segments.of(d.port(from.n, from.i)) {
			continue
		}
		if owner != nil || p.node != p.n.Name || !p.i.Up {
			return nil
		}
		owner = p.n
	}
	return owner
}
