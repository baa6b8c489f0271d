package topology

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

const (
	bootpsPort    = 67 // where servers of DHCP listen, RFC 2131 section 4.1
	defaultLease  = time.Hour
	shortestLease = 10 * time.Second // a client renews after half of it
	longestLease  = 7 * 24 * time.Hour
)

// Leasing is what a dhcp service lends, and to whom: clients on one interface.
type Leasing struct {
	Dev         string
	Server      netip.Prefix // its own address on that interface
	First, Last netip.Addr   // of the pool
	Lease       time.Duration
	Router      netip.Addr // for the default route; invalid for none
	Nameservers []netip.Addr
}

// dhcp reads {dhcp: eth0, pool: 10.67.0.100-10.67.0.199, lease: 1h, router:
// 10.67.0.1, nameservers: [10.67.0.1]}.
func (p *parser) dhcp(a *Args) {
	if dev := a.Required("dhcp", "eth0"); dev.Text != "" {
		if problem := devProblem(dev.Text); problem != "" {
			p.add(dev.Pos, at(a.path, "dhcp"), "%s", problem)
		}
	}
	if pool := a.Required("pool", "10.67.0.100-10.67.0.199"); pool.Text != "" {
		if _, _, problem := addressRange(pool.Text); problem != "" {
			p.add(pool.Pos, at(a.path, "pool"), "%s", problem)
		}
	}
	if lease := a.Word("lease"); lease.Text != "" {
		if _, problem := durationIn(lease.Text, shortestLease, longestLease, "1h or 90s"); problem != "" {
			p.add(lease.Pos, at(a.path, "lease"), "%s", problem)
		}
	}
	p.addr4(a, "router", a.Word("router"))
	for i, w := range a.Words("nameservers") {
		p.addr4(a, nth("nameservers", i), w)
	}
}

// addr4 reads an address that DHCP for IPv4 can tell a client.
func (p *parser) addr4(a *Args, key string, w Word) {
	if w.Text == "" {
		return
	}
	addr, problem := parseAddr(w.Text)
	if problem == "" && !addr.Is4() {
		problem = fmt.Sprintf("%s is an IPv6 address: dhcp is DHCPv4", addr)
	}
	if problem != "" {
		p.add(w.Pos, at(a.path, key), "%s", problem)
	}
}

// addressRange reads FIRST-LAST, or one address.
func addressRange(text string) (first, last netip.Addr, problem string) {
	low, high, ok := strings.Cut(text, "-")
	if !ok {
		high = low
	}
	if first, problem = parseAddr(strings.TrimSpace(low)); problem == "" {
		last, problem = parseAddr(strings.TrimSpace(high))
	}
	switch {
	case problem != "":
		problem += ": want the first and the last address, 10.67.0.100-10.67.0.199"
	case !first.Is4() || !last.Is4():
		problem = "want IPv4 addresses: dhcp is DHCPv4"
	case last.Less(first):
		problem = fmt.Sprintf("%s comes after %s: the first address stands first", first, last)
	}
	return first, last, problem
}

// Leasing is what a dhcp service of a namespace lends; false when its interface
// has no IPv4 address.
func (s *State) Leasing(ns string, v Service) (Leasing, bool) {
	l := Leasing{Dev: v.Args.Get("dhcp").Text, Lease: defaultLease}
	l.First, l.Last, _ = addressRange(v.Args.Get("pool").Text) // all has been read before
	if d, problem := durationIn(v.Args.Get("lease").Text, shortestLease, longestLease, ""); problem == "" {
		l.Lease = d
	}
	l.Router, _ = netip.ParseAddr(v.Args.Get("router").Text)
	args := &Args{v: v.Args}
	for _, w := range args.Words("nameservers") {
		if a, err := netip.ParseAddr(w.Text); err == nil {
			l.Nameservers = append(l.Nameservers, a)
		}
	}
	for _, a := range s.interfaceAddresses(s.Home(ns), l.Dev) {
		if p := a.Prefix; p.Addr().Is4() && (!l.Server.IsValid() || p.Contains(l.First)) {
			l.Server = p
		}
	}
	return l, l.Server.IsValid()
}

// interfaceAddresses are those of one interface.
func (s *State) interfaceAddresses(ns, dev string) (out []Address) {
	for i := range s.Bridges {
		if b := &s.Bridges[i]; b.In.Text == ns && b.Name.Text == dev {
			out = append(out, b.Addresses...)
		}
	}
	for i := range s.Links {
		for _, e := range s.Links[i].Ends {
			if in, _ := s.Place(e); in == ns && e.Interface.Text == dev {
				out = append(out, e.Addresses...)
			}
		}
	}
	return out
}
