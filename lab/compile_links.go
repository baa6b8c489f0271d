package lab

import (
	"fmt"
	"slices"

	"nslab/lab/op"
	"nslab/topology"
)

// second gives a namespace that shares another's network its name. Nothing else
// of it is its own but services and names, so nothing else becomes a fact twice.
func (c *compiler) second(ns *topology.Namespace) {
	if home := c.state.Home(ns.Name.Text); home != ns.Name.Text {
		c.add(ns.Network.Pos, op.Attach{Name: ns.Name.Text, To: home})
	}
}

// tables are what a namespace knows of others without having learnt it.
func (c *compiler) tables(ns *topology.Namespace) {
	for _, e := range ns.Neighbours {
		c.add(e.Pos, op.Neighbour{NS: ns.Name.Text, Dev: e.Dev.Text, Addr: e.Address, MAC: e.MAC.Text})
	}
	for _, e := range ns.FDB {
		if !c.isKind("vxlan", ns.Name.Text, e.Dev.Text) {
			c.mistakes = append(c.mistakes, &topology.Error{
				Pos: e.Dev.Pos, Path: "fdb", Msg: fmt.Sprintf("%s is no vxlan: only a vxlan sends its frames to other machines", e.Dev),
			})
		}
		c.add(e.Pos, op.FDB{NS: ns.Name.Text, Dev: e.Dev.Text, MAC: e.MAC.Text, Dst: e.Dst})
	}
}

// isKind says of which kind the link is that has an end.
func (c *compiler) isKind(kind, ns, dev string) bool {
	return slices.ContainsFunc(c.state.Links, func(l topology.Link) bool {
		return l.Kind.Text == kind && slices.ContainsFunc(l.Ends, func(e topology.End) bool {
			at, _ := c.state.Place(e)
			return at == ns && e.Interface.Text == dev
		})
	})
}
