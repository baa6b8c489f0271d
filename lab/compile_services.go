package lab

import (
	"slices"

	"nslab/lab/op"
	"nslab/topology"
)

// attachments come after the switches and cables that plugins may find there,
// and before the routes that lead over what plugins have made.
func (c *compiler) attachments(ns *topology.Namespace) {
	for _, x := range ns.CNI {
		if d, needed := op.NewDHCPDaemon(c.state.Conf(x.Network.Text)); needed && !slices.ContainsFunc(c.facts, func(s Step) bool { return s.Op == d }) {
			c.add(x.Pos, d)
		}
		c.add(x.Pos, op.NewCNI(ns.Name.Text, x, c.state))
	}
}

// lenders come before the attachments that may ask them for an address, and are
// there when it is given back.
func (c *compiler) lenders(ns *topology.Namespace) {
	c.serve(ns, func(s topology.Service) bool { return s.Kind.Text == "dhcp" })
}

func (c *compiler) services(ns *topology.Namespace) {
	c.serve(ns, func(s topology.Service) bool { return s.Kind.Text != "dhcp" })
}

func (c *compiler) serve(ns *topology.Namespace, which func(topology.Service) bool) {
	for _, s := range ns.Services {
		if !which(s) {
			continue
		}
		o, errs := op.ReadService(c.state.Home(ns.Name.Text), s, c.state)
		c.mistakes = append(c.mistakes, errs...)
		if len(errs) == 0 {
			c.add(s.Kind.Pos, o)
		}
	}
}
