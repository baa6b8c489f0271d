package lab

import (
	"net/netip"
	"slices"

	"nslab/lab/op"
	"nslab/topology"
)

// ports makes the rules of published ports, as Docker does: the way in (DNAT),
// the leave to be forwarded where Docker's chain in table filter asks for it,
// and the hairpin, for a namespace that asks for its own published port.
func (c *compiler) ports(ns *topology.Namespace) {
	home, ok := c.state.Publisher(ns.Name.Text)
	for _, o := range ns.Ports {
		for _, addr := range []netip.Addr{home.IPv4, home.IPv6} {
			if ok && o.NAT && addr.IsValid() && (!o.HostIP.IsValid() || o.HostIP.Is6() == addr.Is6()) {
				c.published(home, o, addr)
			}
		}
	}
}

func (c *compiler) published(home topology.Publisher, o topology.Port, to netip.Addr) {
	self := netip.PrefixFrom(to, to.BitLen())
	rules := leadIn(home, o, to)
	if len(rules) == 0 {
		return
	}
	if home.Filter && to.Is4() {
		rules = append(rules, topology.Rule{
			Table: topology.TableFilter, Chain: topology.DockerChain, Destination: self,
			InDev: "!" + home.Dev, OutDev: home.Dev, Protocol: o.Protocol, DstPort: o.Target, Target: "ACCEPT",
		})
	}
	rules = append(rules, topology.Rule{
		Table: topology.TableNAT, Chain: "POSTROUTING", Source: self, Destination: self,
		Protocol: o.Protocol, DstPort: o.Target, Target: "MASQUERADE",
	})
	for _, r := range rules {
		r.IPv6 = to.Is6()
		rule := Step{op.Rule{NS: home.NS, Rule: r}, o.Pos}
		same := func(s Step) bool { return s.Op == rule.Op }
		if !slices.ContainsFunc(c.facts, same) { // two ports may lead to one
			c.facts = append(c.facts, rule)
		}
	}
}

// leadIn is the DNAT: in Docker's chain where there is one, which sees what is
// sent to an address of the host; else where that chain is called from.
func leadIn(home topology.Publisher, o topology.Port, to netip.Addr) []topology.Rule {
	r := topology.Rule{
		Table: topology.TableNAT, Chain: topology.DockerChain, InDev: "!" + home.Dev,
		Protocol: o.Protocol, DstPort: o.Published, Target: "DNAT", To: netip.AddrPortFrom(to, o.Target),
	}
	if o.HostIP.IsValid() {
		r.Destination = netip.PrefixFrom(o.HostIP, o.HostIP.BitLen())
	}
	if home.Docker && to.Is4() {
		return []topology.Rule{r}
	}
	if o.HostIP.IsLoopback() {
		return nil // nothing is sent there from outside, and DNAT does not lead out of lo
	}
	r.Chain, r.DstType = "PREROUTING", "LOCAL"
	own := r
	own.Chain, own.InDev = "OUTPUT", ""
	if !o.HostIP.IsValid() {
		own.Destination, own.NotDestination = loopback(to), true
	}
	return []topology.Rule{r, own}
}

// loopback is what a packet is sent to that never leaves lo.
func loopback(family netip.Addr) netip.Prefix {
	if family.Is6() {
		return netip.PrefixFrom(netip.IPv6Loopback(), 128)
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8)
}

// proxies makes the userland proxies of published ports: one process for each
// port and family of the host.
func (c *compiler) proxies(ns *topology.Namespace) {
	home, ok := c.state.Publisher(ns.Name.Text)
	for _, o := range ns.Ports {
		hosts := []netip.Addr{o.HostIP}
		if !o.HostIP.IsValid() {
			hosts = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
		}
		for _, host := range hosts {
			if ok && o.Proxy {
				to := netip.AddrPortFrom(home.Target(host), o.Target)
				c.add(o.Pos, op.Proxy{NS: home.NS, Proto: o.Protocol, HostIP: host, HostPort: o.Published, To: to})
			}
		}
	}
}
