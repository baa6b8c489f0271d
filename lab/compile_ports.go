package lab

import (
	"net/netip"
	"slices"

	"nslab/lab/op"
	"nslab/topology"
)

// ports makes the rules of published ports.
func (c *compiler) ports(ns *topology.Namespace) {
	if len(ns.Ports) == 0 {
		return
	}
	home, ok := c.state.Publisher(ns.Name.Text)
	for _, o := range ns.Ports {
		if !ok {
			return
		}
		for _, r := range home.Rules(o) {
			rule := Step{op.Rule{NS: home.NS, Rule: r}, o.Pos}
			same := func(s Step) bool { return s.Op == rule.Op }
			if !slices.ContainsFunc(c.facts, same) { // two ports may lead to one
				c.facts = append(c.facts, rule)
			}
		}
	}
}

// proxies makes the userland proxies of published ports: one process for each
// port and family of the host.
func (c *compiler) proxies(ns *topology.Namespace) {
	if len(ns.Ports) == 0 {
		return
	}
	home, ok := c.state.Publisher(ns.Name.Text)
	for _, o := range ns.Ports {
		for _, host := range o.ProxyHosts() {
			if ok && o.Proxy {
				to := netip.AddrPortFrom(home.Target(host), o.Target)
				c.add(o.Pos, op.Proxy{NS: home.NS, Proto: o.Protocol, HostIP: host, HostPort: o.Published, To: to})
			}
		}
	}
}
