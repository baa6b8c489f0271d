package discover

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"nslab/topology"
)

// published is a port that a namespace publishes.
type published struct {
	by   *Namespace
	home topology.Publisher
	topology.Port
}

// publish finds the ports that are published in a namespace: Docker has three
// rules and a process for each. It returns the rules that the file need not
// write, because `ports` makes them.
func (d *draft) publish(n *Namespace) map[topology.Rule]bool {
	var all []published
	for _, by := range d.Namespaces {
		if home, ok := d.publisher(by); ok && home.NS == n.Name {
			all = append(all, n.ports(by, home)...)
		}
	}
	made := rulesOf(all)
	if !n.endsWith(made) { // they stand in another order: then they are written one by one
		all, made = slices.DeleteFunc(all, func(p published) bool { return !p.Proxy }), nil
		for i := range all {
			all[i].NAT = false
		}
	}
	for _, p := range all {
		d.ports[p.by] = append(d.ports[p.by], portWords(p.Port))
	}
	written := map[topology.Rule]bool{}
	for _, r := range made {
		written[r] = true
	}
	return written
}

// publisher is where a namespace would publish its ports in the lab, as
// topology.State.Publisher has it: the other side of the first cable that has
// an address.
func (d *draft) publisher(by *Namespace) (p topology.Publisher, ok bool) {
	for _, c := range d.cables {
		for k, e := range c {
			other := c[1-k]
			if e.n != by || other.n == by || len(e.i.Addresses) == 0 || d.masterOf(e.n, e.i) != nil {
				continue
			}
			p.NS, p.Dev = other.n.Name, d.names[other.i]
			if bridge := d.masterOf(other.n, other.i); bridge != nil {
				p.Dev = d.names[bridge]
			}
			for _, a := range slices.Backward(e.i.Addresses) {
				if a.Addr().Is4() {
					p.IPv4 = a.Addr()
				} else {
					p.IPv6 = a.Addr()
				}
			}
			p.Docker, p.Filter = other.n.hasChain("ip nat", topology.DockerChain), other.n.hasChain("ip filter", topology.DockerChain)
			return p, true
		}
	}
	return p, false
}

func (n *Namespace) hasChain(table, name string) bool {
	return slices.ContainsFunc(n.Chains, func(c Chain) bool { return c.Table == table && c.Name == name })
}

// ports are those that lead to one publisher: by rules, by a proxy, or both.
func (n *Namespace) ports(by *Namespace, home topology.Publisher) []published {
	var out []published
	note := func(o topology.Port) {
		o.Proxy = n.proxied(home, o)
		same := func(p published) bool {
			return p.HostIP == o.HostIP && p.Published == o.Published && p.Protocol == o.Protocol
		}
		if (o.NAT || o.Proxy) && !slices.ContainsFunc(out, same) {
			out = append(out, published{by, home, o})
		}
	}
	for _, r := range n.NAT {
		o := topology.Port{Published: r.Port, Target: r.To.Port(), Protocol: r.Proto, NAT: true}
		if r.Dest.IsValid() && !r.NotDest {
			o.HostIP = r.Dest.Addr()
		}
		mine := r.To.Addr().IsValid() && (r.To.Addr() == home.IPv4 || r.To.Addr() == home.IPv6)
		rules := home.Rules(o)
		if r.Kind == "dnat" && mine && o.Target != 0 && len(rules) > 0 && n.hasRules(rules) {
			note(o)
		}
	}
	for _, x := range n.Proxies {
		o := topology.Port{HostIP: x.Host.Addr(), Published: x.Host.Port(), Target: x.To.Port(), Protocol: x.Proto}
		if o.HostIP.IsUnspecified() {
			o.HostIP = netip.Addr{}
		}
		note(o)
	}
	return out
}

// proxied says whether a proxy listens at a port, at least for the first
// family: without IPv6 there is none for that.
func (n *Namespace) proxied(home topology.Publisher, o topology.Port) bool {
	host := o.ProxyHosts()[0]
	return slices.Contains(n.Proxies, Proxy{
		o.Protocol, netip.AddrPortFrom(host, o.Published), netip.AddrPortFrom(home.Target(host), o.Target),
	})
}

func (n *Namespace) hasRules(rules []topology.Rule) bool {
	return !slices.ContainsFunc(rules, func(want topology.Rule) bool {
		return !slices.ContainsFunc(n.Chains, func(c Chain) bool {
			return slices.ContainsFunc(c.Rules, func(r Rule) bool { return r.Whole && r.iptables() == want })
		})
	})
}

// rulesOf are the rules that ports make, each once: two may lead to one.
func rulesOf(ports []published) []topology.Rule {
	var out []topology.Rule
	for _, p := range ports {
		for _, r := range p.home.Rules(p.Port) {
			if !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}

// endsWith says whether the rules stand at the ends of their chains, in that order.
func (n *Namespace) endsWith(rules []topology.Rule) bool {
	for _, c := range n.Chains {
		table, ipv6 := tableOf(c.Table)
		var want, have []topology.Rule
		for _, r := range rules {
			if r.Table == table && r.Chain == c.Name && r.IPv6 == ipv6 {
				want = append(want, r)
			}
		}
		for _, r := range c.Rules {
			have = append(have, r.iptables())
		}
		if len(want) > len(have) || !slices.Equal(want, have[len(have)-len(want):]) {
			return false
		}
	}
	return true
}

// portWords writes a port as compose does, or at length where it is not all of
// what Docker makes.
func portWords(o topology.Port) string {
	host := o.HostIP.String()
	if o.HostIP.Is6() {
		host = "[" + host + "]"
	}
	if o.NAT && o.Proxy {
		text := fmt.Sprintf("%d:%d", o.Published, o.Target)
		if o.HostIP.IsValid() {
			text = host + ":" + text
		}
		return quoted(text + map[string]string{"udp": "/udp"}[o.Protocol])
	}
	words := []string{fmt.Sprintf("published: %d, target: %d", o.Published, o.Target)}
	if o.Protocol != "tcp" {
		words = append(words, "protocol: "+o.Protocol)
	}
	if o.HostIP.IsValid() {
		words = append(words, "host-ip: "+quoted(o.HostIP.String()))
	}
	return fmt.Sprintf("{%s, nat: %t, proxy: %t}", strings.Join(words, ", "), o.NAT, o.Proxy)
}
