package lab

import (
	"net/netip"
	"slices"

	"nslab/lab/op"
	"nslab/topology"
)

// translated refuses a rule of address translation that would also rewrite
// what is not the lab's: of a network that this machine reaches, or of all.
func (m *machine) translated(w wanted, s Step) *Collision {
	from, dev, ok := rewrites(s.Op)
	if !ok || w.made[dev] || w.within(from) {
		return nil
	}
	why := m.reached(w, from)
	if why == "" {
		return nil
	}
	return &Collision{
		s.Pos, "the rule would also rewrite packets that are not the lab's: " + why,
		[]string{"name the lab's network in the rule", inSandbox},
	}
}

// rewrites is the source for which a fact changes the sender, on the host.
func rewrites(o op.Op) (from netip.Prefix, out string, ok bool) {
	var ns string
	switch o := o.(type) {
	case op.Masquerade:
		ns, from, out = o.NS, o.From, o.OutDev
	case op.SNAT:
		ns, from, out = o.NS, o.From, o.OutDev
	case op.Rule:
		if !slices.Contains([]string{"MASQUERADE", "SNAT"}, o.Target) || o.NotSource {
			return netip.Prefix{}, "", false
		}
		ns, from, out = o.NS, o.Source, o.OutDev
		if !from.IsValid() {
			from = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
			if o.IPv6 {
				from = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
			}
		}
	}
	return from, out, ns == topology.Host
}

// within says whether a network belongs to one that the lab has addresses in.
func (w wanted) within(p netip.Prefix) bool {
	return slices.ContainsFunc(w.facts, func(s Step) bool {
		a, ok := s.Op.(op.Addr)
		return ok && a.Prefix.Bits() <= p.Bits() && a.Prefix.Masked().Contains(p.Addr())
	})
}
