package lab

import (
	"net/netip"

	"nslab/topology"
)

// out is the interface a route leaves by: the one named, else the one whose
// network holds the gateway.
func (c *compiler) out(ns string, r topology.Route) string {
	if r.Dev.Text != "" {
		return r.Dev.Text
	}
	if c.networks == nil {
		c.networks = networks(c.state)
	}
	for _, n := range c.networks[ns] {
		if n.prefix.Contains(r.Via) {
			return n.dev
		}
	}
	return ""
}

// network is one that an interface has an address of.
type network struct {
	dev    string
	prefix netip.Prefix
}

// networks are those at every namespace.
func networks(s *topology.State) map[string][]network {
	out := map[string][]network{}
	add := func(ns, dev string, as []topology.Address) {
		for _, a := range as {
			out[ns] = append(out[ns], network{dev, a.Prefix})
		}
	}
	for i := range s.Bridges {
		b := &s.Bridges[i]
		add(b.In.Text, b.Name.Text, b.Addresses)
	}
	for i := range s.Links {
		for _, e := range s.Links[i].Ends {
			ns, _ := s.Place(e)
			add(ns, e.Interface.Text, e.Addresses)
		}
	}
	return out
}
