package topology

import (
	"fmt"
	"net/netip"
	"slices"
)

// scene is a state as warnings look at it.
type scene struct {
	*world
	view    *view
	who     map[netip.Addr][]int // interfaces by their addresses, -1 for a lo
	routers map[router]bool
}

// router is a namespace that passes on packets of a family for others.
type router struct {
	ns   string
	ipv6 bool
}

// doubt is something that is legal and surely not meant. In a lesson it may be
// on the way to somewhere: what an earlier step has settled, or what the last
// step no longer has, is none.
type doubt struct {
	pos     Pos
	msg     string
	settled func(scene) bool // nil: nothing earlier settles it
}

// warnings are the doubts that are left after the last step, in the order of
// the file. Without every address of the lab, nobody can tell.
func (p *parser) warnings(t *Topology) []*Error {
	n := len(t.Steps)
	if n == 0 || p.count > 0 {
		return nil
	}
	now := p.scene(t.Steps[n-1].State)
	if now.unknown() {
		return nil
	}
	doubts := slices.Concat(now.lostGateways(), now.idleRules(), now.circles())
	for i := 0; i < n-1 && len(doubts) > 0; i++ {
		earlier := p.scene(t.Steps[i].State)
		doubts = slices.DeleteFunc(doubts, func(d doubt) bool { return d.settled != nil && d.settled(earlier) })
	}
	c := complaints{said: map[said]bool{}}
	for _, d := range doubts {
		c.onceAt(d.pos, p.paths[d.pos], "%s", d.msg)
	}
	return placedIn(c.list, p.ranks)
}

// placedIn sorts what sorted sorts, and keeps its type.
func placedIn(list []*Error, rank map[string]int) []*Error {
	var out []*Error
	for _, err := range sorted(list, rank) {
		out = append(out, err.(*Error)) //nolint:errorlint,forcetypeassert // they are what went in
	}
	return out
}

func (p *parser) scene(state State) scene {
	w := &world{parser: p, State: state}
	w.index()
	s := scene{w, w.view(), map[netip.Addr][]int{}, map[router]bool{}}
	for i := range s.view.interfaces {
		for _, a := range s.view.interfaces[i].addresses {
			s.who[a.Prefix.Addr()] = append(s.who[a.Prefix.Addr()], i)
		}
	}
	for _, addresses := range s.view.loops {
		for _, a := range addresses {
			s.who[a.Prefix.Addr()] = append(s.who[a.Prefix.Addr()], -1)
		}
	}
	for i := range s.Namespaces {
		s.addRouter(&s.Namespaces[i])
	}
	return s
}

// addRouter notes what passes packets on.
func (s scene) addRouter(n *Namespace) {
	on := func(keys ...string) bool {
		return n.Forward || slices.ContainsFunc(n.Sysctls, func(c Sysctl) bool { return slices.Contains(keys, c.Key.Text) && c.Value.Text == "1" })
	}
	name := n.Name.Text
	s.routers[router{name, false}] = s.routers[router{name, false}] || on("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding")
	s.routers[router{name, true}] = s.routers[router{name, true}] || on("net.ipv6.conf.all.forwarding")
}

// unknown says whether somebody else gives addresses: a plugin of CNI.
func (s scene) unknown() bool {
	return slices.ContainsFunc(s.Namespaces, func(n Namespace) bool { return len(n.CNI) > 0 })
}

// strange says whether a namespace has more than the file says: this machine.
func (s scene) strange(ns string) bool { return s.real && ns == Host }

// has says whether anybody in the lab has an address of a network.
func (s scene) has(network netip.Prefix) bool {
	if network.IsSingleIP() {
		return len(s.who[network.Addr()]) > 0
	}
	for a := range s.who {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// nobody is a doubt until somebody has such an address.
func nobody(pos Pos, network netip.Prefix, format string, args ...any) doubt {
	return doubt{pos, fmt.Sprintf(format, args...), func(s scene) bool { return s.has(network) }}
}

func just(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// lostGateways are routes by an address that nobody has. One that is in the
// table of neighbours by hand is meant.
func (s scene) lostGateways() []doubt {
	var out []doubt
	for i := range s.Namespaces {
		n := &s.Namespaces[i]
		for _, r := range n.Routes {
			byHand := func(e Neighbour) bool { return e.Address == r.Via }
			switch {
			case !r.Via.IsValid() || r.Via.IsLinkLocalUnicast() || s.strange(n.Name.Text):
			case s.has(just(r.Via)) || slices.ContainsFunc(n.Neighbours, byHand):
			default:
				out = append(out, nobody(r.Pos, just(r.Via), "nobody in the lab has the address of this gateway, %s: what %s sends by it gets no further", r.Via, n.Name))
			}
		}
	}
	return out
}

// idleRules are those of address translation that no packet of the lab meets,
// and those that lead packets to nobody.
func (s scene) idleRules() []doubt {
	var out []doubt
	for _, n := range s.NAT {
		from, to := n.ends()
		switch {
		case s.strange(n.In.Text):
		case from.Bits() > 0 && !s.has(from):
			out = append(out, nobody(n.Pos, from, "nobody in the lab has an address in %s: no packet meets the rule", from))
		case to.IsValid() && !to.IsLoopback() && !s.has(just(to)):
			out = append(out, nobody(n.Pos, just(to), "nobody in the lab has the address %s: what the rule leads there gets no answer", to))
		}
	}
	return out
}

// ends are the sources that a rule asks for, and where a DNAT leads; invalid
// when it has none.
func (n NAT) ends() (from netip.Prefix, to netip.Addr) {
	switch {
	case n.Kind.Text == "dnat":
		to = n.To.Addr()
	case n.Kind.Text != "chain":
		from = n.From
	case n.Rule.Target == "DNAT":
		to = n.Rule.To.Addr()
	case slices.Contains([]string{"MASQUERADE", "SNAT"}, n.Rule.Target) && !n.Rule.NotSource:
		from = n.Rule.Source
	}
	return from, to
}
