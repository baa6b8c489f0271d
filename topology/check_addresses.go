package topology

import (
	"cmp"
	"net/netip"
	"slices"
)

// plug is an address and the device that has it.
type plug struct {
	Address
	*device
}

func (v *view) plugs() []plug {
	out := make([]plug, 0, len(v.interfaces))
	for i := range v.interfaces {
		for _, a := range v.interfaces[i].addresses {
			out = append(out, plug{a, &v.interfaces[i]})
		}
	}
	return out
}

// maxAddresses is how many addresses an interface may have.
const maxAddresses = 64

// checkCount finds interfaces with more addresses than any lesson needs, as
// a slip in a generated file would bring them.
func (w *world) checkCount(v *view) {
	count := func(label string, list []Address) {
		if len(list) > maxAddresses {
			w.wrong(list[maxAddresses].Pos, "%s has %d addresses, the limit is %d", label, len(list), maxAddresses)
		}
	}
	for ns, list := range v.loops {
		count(ns+":lo", list)
	}
	for _, d := range v.interfaces {
		count(d.label, d.addresses)
	}
}

// checkTwice finds an address that two of one segment have, or one namespace
// twice. The kernel would not notice either.
func (w *world) checkTwice(v *view) {
	type onSegment struct {
		segment int
		netip.Addr
	}
	type inNamespace struct {
		ns string
		netip.Addr
	}
	segment, namespace := map[onSegment]plug{}, map[inNamespace]plug{}
	for ns, list := range v.loops {
		for _, a := range list {
			k := inNamespace{ns, a.Prefix.Addr()}
			w.taken(namespace[k], plug{a, &device{ns: ns, label: ns + ":lo"}})
			namespace[k] = plug{a, &device{ns: ns, label: ns + ":lo", segment: -1}}
		}
	}
	for _, p := range v.plugs() {
		s, n := onSegment{p.segment, p.Prefix.Addr()}, inNamespace{p.ns, p.Prefix.Addr()}
		other, known := segment[s]
		if !known {
			other, known = namespace[n]
			known = known && !(p.Prefix.IsSingleIP() && other.Prefix.IsSingleIP()) // unnumbered links share one
		}
		if known {
			w.taken(other, p)
			continue
		}
		segment[s], namespace[n] = p, p
	}
}

// taken complains about the later of two places that have one address.
func (w *world) taken(a, b plug) {
	if a.device == nil || a.Address.Pos == b.Address.Pos {
		return
	}
	if w.later(a.Address.Pos, b.Address.Pos) {
		a, b = b, a
	}
	w.wrong(b.Address.Pos, "%s is already the address of %s (%s)", b.Prefix.Addr(), a.label, near(a.Address.Pos, b.Address.Pos))
}

// checkNetworks finds neighbours on one segment that disagree about their
// network, and namespaces that have one network on two segments.
func (w *world) checkNetworks(v *view) {
	plugs := v.plugs()
	slices.SortStableFunc(plugs, func(a, b plug) int {
		return cmp.Or(cmp.Compare(a.segment, b.segment), a.Prefix.Masked().Addr().Compare(b.Prefix.Masked().Addr()),
			cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()))
	})
	for len(plugs) > 0 {
		n := 1
		for n < len(plugs) && plugs[n].segment == plugs[0].segment && plugs[0].Prefix.Masked().Contains(plugs[n].Prefix.Addr()) {
			n++
		}
		w.agree(plugs[:n])
		plugs = plugs[n:]
	}
	w.checkApart(v)
}

// agree complains about those of a group of overlapping networks that are not
// of the one that most of them have.
func (w *world) agree(group []plug) {
	votes := map[netip.Prefix]int{}
	usual := group[0]
	for _, p := range group {
		m := p.Prefix.Masked()
		votes[m]++
		best := votes[usual.Prefix.Masked()]
		if votes[m] > best || votes[m] == best && usual.Prefix.IsSingleIP() || votes[m] == best && !p.Prefix.IsSingleIP() && w.later(usual.Address.Pos, p.Address.Pos) {
			usual = p
		}
	}
	for _, p := range group {
		if p.Prefix.Masked() != usual.Prefix.Masked() && !w.pointToPoint(p, usual) {
			w.wrong(p.Address.Pos, "%s is in the network %s, but %s on the same segment (%s) is in %s: they must agree, or they do not find each other",
				p.label, p.Prefix.Masked(), usual.label, near(usual.Address.Pos, p.Address.Pos), usual.Prefix.Masked())
		}
	}
}

// pointToPoint says whether a /32 is meant: a route over the interface shows it.
func (w *world) pointToPoint(a, b plug) bool {
	if !a.Prefix.IsSingleIP() && !b.Prefix.IsSingleIP() {
		return false
	}
	for _, p := range []plug{a, b} {
		for _, r := range w.routesOf(p.ns) {
			if r.Dev.Text == p.name {
				return true
			}
		}
	}
	return false
}

// checkApart finds a namespace that has the same network on two segments: the
// kernel would send everything for it to one of them.
func (w *world) checkApart(v *view) {
	type key struct {
		ns string
		netip.Prefix
	}
	first := map[key]plug{}
	for _, p := range v.plugs() {
		k := key{p.ns, p.Prefix.Masked()}
		other, known := first[k]
		switch {
		case p.Prefix.IsSingleIP() || p.Prefix.Addr().IsLinkLocalUnicast():
		case !known:
			first[k] = p
		case other.segment != p.segment:
			w.wrong(p.Address.Pos, "%s already has the network %s on %s (%s): give this segment another one",
				p.ns, p.Prefix.Masked(), other.name, near(other.Address.Pos, p.Address.Pos))
		}
	}
}
