package lab

import (
	"fmt"
	"net/netip"
	"slices"

	"nslab/lab/op"
	"nslab/topology"
)

// network refuses an address whose network this machine needs for something else.
func (m *machine) network(w wanted, s Step) *Collision {
	o, ok := s.Op.(op.Addr)
	if !ok || o.NS != topology.Host {
		return nil
	}
	return m.taken(w, s.Pos, o.Prefix)
}

// route refuses a route that would lead away what this machine reaches otherwise.
func (m *machine) route(w wanted, s Step) *Collision {
	o, ok := s.Op.(op.Route)
	if !ok || o.NS != topology.Host {
		return nil
	}
	if o.To.Bits() > 0 {
		return m.taken(w, s.Pos, o.To)
	}
	for _, g := range m.gateways {
		if g.addr.Is4() == o.To.Addr().Is4() {
			return &Collision{s.Pos, fmt.Sprintf("this machine has a default route already, by %s on %s: a second one may cut it off", g.addr, g.dev), []string{"leave the route out", inSandbox}}
		}
	}
	return nil
}

// taken says what of this machine lies in a network that the lab wants.
func (m *machine) taken(w wanted, pos topology.Pos, p netip.Prefix) *Collision {
	why := m.needed(p)
	if why == "" {
		why = m.reached(w, p)
	}
	if why == "" && public(p) {
		why = fmt.Sprintf("%s belongs to the Internet: this machine would no longer reach the real one", p.Masked())
	}
	if why == "" {
		return m.reserved(w, pos, p)
	}
	return &Collision{pos, why, []string{"choose another network, such as " + m.freeNetwork(p).String(), inSandbox}}
}

// needed are the addresses without which somebody loses the machine.
func (m *machine) needed(p netip.Prefix) string {
	for _, g := range m.gateways {
		if p.Masked().Contains(g.addr) {
			return fmt.Sprintf("%s holds %s, the default gateway of this machine (by %s)", p.Masked(), g.addr, g.dev)
		}
	}
	for _, a := range m.resolvers {
		if p.Masked().Contains(a) {
			return fmt.Sprintf("%s holds %s, the DNS server of this machine (resolv.conf)", p.Masked(), a)
		}
	}
	if m.ssh.client.IsValid() && p.Masked().Contains(m.ssh.client) {
		return fmt.Sprintf("%s holds %s, from where you are logged in (SSH_CONNECTION): you would be cut off", p.Masked(), m.ssh.client)
	}
	return ""
}

// reached finds a network that this machine reaches already, not by the lab.
func (m *machine) reached(w wanted, p netip.Prefix) string {
	for _, r := range m.routes {
		switch {
		case w.standing[r.dev] || m.links[r.dev].lost || !r.to.Overlaps(p.Masked()):
		case r.to == p.Masked():
			return fmt.Sprintf("%s is a network that this machine reaches already, by %s", r.to, r.dev)
		default:
			return fmt.Sprintf("%s overlaps %s, which this machine reaches by %s", p.Masked(), r.to, r.dev)
		}
	}
	return ""
}

// privateNetworks are those that nobody reaches over the Internet.
var privateNetworks = []string{
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", // RFC 1918, RFC 4193
	"100.64.0.0/10", "198.18.0.0/15", // carriers (RFC 6598), benchmarks (RFC 2544)
	"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20", // documentation (RFC 5737, 3849, 9637)
	"169.254.0.0/16", "fe80::/10", // link-local (RFC 3927, 4291)
	"127.0.0.0/8", "::1/128",
}

// public says whether a network has addresses of the Internet.
func public(p netip.Prefix) bool {
	return !slices.ContainsFunc(privateNetworks, func(s string) bool {
		private := netip.MustParsePrefix(s)
		return private.Bits() <= p.Bits() && private.Contains(p.Addr())
	})
}

// freeNetwork is one of the same family that this machine does not know.
func (m *machine) freeNetwork(like netip.Prefix) netip.Prefix {
	for i := range 256 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte((i + 77) % 256), 0, 0}), 24)
		if like.Addr().Is6() {
			p = netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 0x6e, 0x73, byte(i)}), 64)
		}
		given := func(r reservation) bool { return r.to.Overlaps(p) }
		if m.needed(p) == "" && m.reached(wanted{}, p) == "" && !slices.ContainsFunc(m.reservations, given) {
			return p
		}
	}
	return netip.MustParsePrefix("192.0.2.0/24")
}
