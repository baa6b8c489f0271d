package discover

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// plug is an address that the lab will have. One of a stand-in is on the wire
// of the interface that it stands behind.
type plug struct {
	n      *Namespace
	i      *Interface
	node   string
	prefix netip.Prefix
}

// segments says which interfaces hear each other: a union-find.
type segments map[*Interface]*Interface

func (s segments) of(i *Interface) *Interface {
	for s[i] != nil && s[i] != i {
		i = s[i]
	}
	return i
}

func (s segments) join(a, b *Interface) { s[s.of(a)] = s.of(b) }

// verify writes pings that are sure to be answered on the machine and in the
// lab alike: within each network everybody asks the one that is a gateway, or
// the first; and over routes.
func (d *draft) verify() []string {
	type network struct {
		segment *Interface
		prefix  netip.Prefix
	}
	groups := map[network][]plug{}
	var order []network
	for _, p := range d.plugs {
		k := network{d.segments.of(d.port(p.n, p.i)), p.prefix.Masked()}
		if groups[k] == nil {
			order = append(order, k)
		}
		if d.sure(p) {
			groups[k] = append(groups[k], p)
		}
	}
	var out []string
	for _, k := range order {
		out = append(out, d.star(groups[k])...)
	}
	return append(out, d.routed()...)
}

// sure says whether an address is to be reached on its segment: it is up, nothing
// filters what it gets, no other of its namespace or of the segment could be meant.
func (d *draft) sure(p plug) bool {
	if p.node == p.n.Name && slices.ContainsFunc(p.n.Filters, func(hook string) bool { return hook != "forward" }) {
		return false
	}
	if !p.i.Up || d.seized[p.i] || p.i.Kind == "macvlan" || p.i.Kind == "vxlan" || p.prefix.IsSingleIP() {
		return false
	}
	for _, o := range d.plugs {
		same := o.prefix.Addr() == p.prefix.Addr() || o.node == p.node && o.prefix.Overlaps(p.prefix)
		if o != p && same {
			return false
		}
	}
	return !slices.ContainsFunc(p.n.Routes, func(r Route) bool {
		return r.To.Bits() > 0 && r.To.Overlaps(p.prefix) && r.To.Bits() >= p.prefix.Bits()
	})
}

func (d *draft) star(group []plug) []string {
	if len(group) < 2 {
		return nil
	}
	slices.SortFunc(group, func(a, b plug) int { // not by the numbers of interfaces
		return cmp.Or(slices.Index(d.Namespaces, a.n)-slices.Index(d.Namespaces, b.n), a.prefix.Addr().Compare(b.prefix.Addr()))
	})
	target := group[0]
	for _, p := range group {
		if slices.ContainsFunc(group, func(o plug) bool {
			return slices.ContainsFunc(o.n.Routes, func(r Route) bool { return r.Via == p.prefix.Addr() })
		}) {
			target = p
			break
		}
	}
	var out []string
	for _, p := range group {
		if p.node != target.node {
			out = append(out, fmt.Sprintf("- ping: {from: %s, to: %q}", p.node, target.prefix.Addr()))
		}
	}
	return out
}
