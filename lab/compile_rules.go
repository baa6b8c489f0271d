package lab

import (
	"nslab/lab/op"
	"nslab/topology"
)

// rules makes the rules of iptables: the chains first, because a rule may lead
// to one that is filled later, and the policies last, when what they would
// drop has its rules.
func (c *compiler) rules() {
	c.chains()
	for i := range c.state.NAT {
		c.nat(&c.state.NAT[i])
	}
	for _, f := range c.state.Filter {
		if f.Policy == "" {
			c.rule(f)
		}
	}
	for _, f := range c.state.Filter {
		if f.Policy != "" && !c.elsewhere(f.Outside) {
			c.add(f.Pos, op.Policy{NS: f.In.Text, IPv6: f.Rule.IPv6, Chain: f.Rule.Chain, Target: f.Policy})
		}
	}
}

// chains makes every chain that an item names and iptables has not by itself.
func (c *compiler) chains() {
	made := map[op.Op]bool{}
	for _, f := range c.state.ChainItems() {
		o := op.Chain{NS: f.In.Text, Table: f.Rule.Table, IPv6: f.Rule.IPv6, Name: f.Rule.Chain}
		if !made[o] && !topology.BuiltinChain(o.Table, o.Name) && !c.elsewhere(f.Outside) {
			made[o] = true
			c.add(f.Pos, o)
		}
	}
}

func (c *compiler) nat(n *topology.NAT) {
	switch {
	case n.Kind.Text == "chain":
		c.rule(topology.Filter{Rule: n.Rule, In: n.In, Outside: n.Outside, Pos: n.Pos})
	case !c.elsewhere(n.Outside):
		c.add(n.Pos, op.ReadNAT(*n))
	}
}

func (c *compiler) rule(f topology.Filter) {
	if f.Rule.Target != "" && !c.elsewhere(f.Outside) {
		c.add(f.Pos, op.Rule{NS: f.In.Text, Rule: f.Rule})
	}
}
