package lab

import (
	"slices"

	"nslab/lab/op"
	"nslab/topology"
)

// openVSwitch makes a bridge of Open vSwitch; the first of a namespace starts it.
func (c *compiler) openVSwitch(b *topology.Bridge) {
	o := c.openVSwitchOf(b)
	if !slices.ContainsFunc(c.facts, func(s Step) bool { return s.Op == o }) {
		c.add(b.Name.Pos, o)
	}
	c.add(b.Name.Pos, op.NewOVSBridge(b, o))
}

func (c *compiler) openVSwitchOf(b *topology.Bridge) op.OpenVSwitch {
	return op.NewOpenVSwitch(b.In.Text, c.lab, c.machine)
}

// port is the fact that an interface is plugged into a bridge.
func (c *compiler) port(ns, dev, bridge string) op.Op {
	if b, ok := c.state.Bridge(bridge); ok && b.OpenVSwitch() {
		return op.NewOVSPort(dev, op.NewOVSBridge(b, c.openVSwitchOf(b)))
	}
	return op.Master{NS: ns, Dev: dev, Bridge: bridge}
}

// checksums has whoever is plugged into Open vSwitch compute them. What comes from
// another Open vSwitch has them already.
func (c *compiler) checksums(l *topology.Link) {
	if l.Kind.Text != "veth" || len(l.Ends) != 2 {
		return
	}
	for i, e := range l.Ends {
		if c.inOpenVSwitch(l.Ends[1-i]) && !c.inOpenVSwitch(e) {
			ns, _ := c.state.Place(e)
			c.add(e.Pos, op.Checksums{NS: ns, Dev: e.Interface.Text})
		}
	}
}

func (c *compiler) inOpenVSwitch(e topology.End) bool {
	b, ok := c.state.Bridge(e.Node.Text)
	return ok && b.OpenVSwitch()
}
