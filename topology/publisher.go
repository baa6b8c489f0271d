package topology

import "net/netip"

// Publisher is where a namespace publishes its ports: the other side of its
// first cable that has an address.
type Publisher struct {
	NS     string     // the namespace there, mostly the host
	Dev    string     // the bridge that the cable is plugged into, else the end of the cable
	IPv4   netip.Addr // of the publishing namespace on that cable; invalid when there is none
	IPv6   netip.Addr
	Docker bool // table nat has Docker's chain there
	Filter bool // and table filter
}

// Publisher finds where a namespace publishes its ports; ok is false when no
// cable leads anywhere.
func (s *State) Publisher(ns string) (p Publisher, ok bool) {
	for _, l := range s.Links {
		for i, e := range l.Ends {
			if at, _ := s.Place(e); at != ns || len(l.Ends) != 2 || len(e.Addresses) == 0 {
				continue
			}
			other := l.Ends[1-i]
			p.NS, p.Dev = s.Place(other)
			if p.Dev == "" {
				p.Dev = other.Interface.Text
			}
			if p.NS == ns {
				continue
			}
			p.addresses(e)
			for _, f := range s.ChainItems() {
				docker := f.In.Text == p.NS && f.Rule.Chain == DockerChain && !f.Rule.IPv6
				p.Docker = p.Docker || docker && f.Rule.Table == TableNAT
				p.Filter = p.Filter || docker && f.Rule.Table == TableFilter
			}
			return p, true
		}
	}
	return p, false
}

// DockerChain is where Docker puts the rules of published ports.
const DockerChain = "DOCKER"

func (p *Publisher) addresses(e End) {
	for _, a := range e.Addresses {
		switch addr := a.Prefix.Addr(); {
		case addr.Is4() && !p.IPv4.IsValid():
			p.IPv4 = addr
		case addr.Is6() && !p.IPv6.IsValid():
			p.IPv6 = addr
		}
	}
}

// Target is the address that a proxy leads to: of the family in which it is
// asked, if there is one.
func (p Publisher) Target(host netip.Addr) netip.Addr {
	if host.Is6() && p.IPv6.IsValid() || !p.IPv4.IsValid() {
		return p.IPv6
	}
	return p.IPv4
}

// Rules are the rules of a published port, as Docker makes them: the way in
// (DNAT), the leave to be forwarded where Docker's chain in table filter asks for
// it, and the hairpin, for a namespace that asks for its own published port.
func (p Publisher) Rules(o Port) []Rule {
	var out []Rule
	for _, addr := range []netip.Addr{p.IPv4, p.IPv6} {
		if o.NAT && addr.IsValid() && (!o.HostIP.IsValid() || o.HostIP.Is6() == addr.Is6()) {
			out = append(out, p.rules(o, addr)...)
		}
	}
	return out
}

func (p Publisher) rules(o Port, to netip.Addr) []Rule {
	self := netip.PrefixFrom(to, to.BitLen())
	rules := p.leadIn(o, to)
	if len(rules) == 0 {
		return nil
	}
	if p.Filter && to.Is4() {
		rules = append(rules, Rule{
			Table: TableFilter, Chain: DockerChain, Destination: self,
			InDev: "!" + p.Dev, OutDev: p.Dev, Protocol: o.Protocol, DstPort: o.Target, Target: "ACCEPT",
		})
	}
	rules = append(rules, Rule{
		Table: TableNAT, Chain: "POSTROUTING", Source: self, Destination: self,
		Protocol: o.Protocol, DstPort: o.Target, Target: "MASQUERADE",
	})
	for i := range rules {
		rules[i].IPv6 = to.Is6()
	}
	return rules
}

// leadIn is the DNAT: in Docker's chain where there is one, which sees what is
// sent to an address of the host; else where that chain is called from.
func (p Publisher) leadIn(o Port, to netip.Addr) []Rule {
	r := Rule{
		Table: TableNAT, Chain: DockerChain, InDev: "!" + p.Dev,
		Protocol: o.Protocol, DstPort: o.Published, Target: "DNAT", To: netip.AddrPortFrom(to, o.Target),
	}
	if o.HostIP.IsValid() {
		r.Destination = netip.PrefixFrom(o.HostIP, o.HostIP.BitLen())
	}
	if p.Docker && to.Is4() {
		return []Rule{r}
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
	return []Rule{r, own}
}

// loopback is what a packet is sent to that never leaves lo.
func loopback(family netip.Addr) netip.Prefix {
	if family.Is6() {
		return netip.PrefixFrom(netip.IPv6Loopback(), 128)
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8)
}

// ProxyHosts are the addresses of the host at which Docker's userland proxy of
// a port listens: one process for each.
func (o Port) ProxyHosts() []netip.Addr {
	if o.HostIP.IsValid() {
		return []netip.Addr{o.HostIP}
	}
	return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
}
