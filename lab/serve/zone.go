package serve

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/net/dns/dnsmessage"
)

// ttl is how long an answer may be kept, in seconds: not at all, because the
// next step of a lab may change it.
const ttl = 0

// zone is what a name server knows.
type zone struct {
	addrs  map[string][]netip.Addr // by name, in lower case
	names  map[netip.Addr]string   // the first name of an address
	behind netip.Addr              // whom it asks for the rest; invalid for nobody
	turn   atomic.Uint32           // of several addresses another one is first each time
}

// readZone reads lines of hosts(5).
func readZone(text string) (*zone, error) {
	z := &zone{addrs: map[string][]netip.Addr{}, names: map[netip.Addr]string{}}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 {
			return nil, fmt.Errorf("%q: want an address and its names", line)
		}
		a, err := netip.ParseAddr(f[0])
		if err != nil {
			return nil, err
		}
		for _, name := range f[1:] {
			key := plain(name)
			if !slices.Contains(z.addrs[key], a) {
				z.addrs[key] = append(z.addrs[key], a)
			}
		}
		if z.names[a] == "" {
			z.names[a] = plain(f[1])
		}
	}
	return z, nil
}

// plain is a name as names are compared, RFC 4343.
func plain(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// respond answers a message, nil when it is none.
func (z *zone) respond(ctx context.Context, proto string, query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || m.Response {
		return nil
	}
	m.Answers, m.Authorities, m.Additionals = nil, nil, nil
	m.Response, m.RecursionAvailable = true, z.behind.IsValid()
	switch {
	case m.OpCode != 0:
		m.RCode = dnsmessage.RCodeNotImplemented
	case len(m.Questions) != 1 || m.Questions[0].Class != dnsmessage.ClassINET:
		m.RCode = dnsmessage.RCodeFormatError
	case z.knows(m.Questions[0]):
		m.Authoritative = true
		m.Answers = z.answers(m.Questions[0])
	case z.behind.IsValid():
		if answer, err := z.ask(ctx, proto, query); err == nil {
			return answer
		}
		m.RCode = dnsmessage.RCodeServerFailure
	default:
		m.Authoritative, m.RCode = true, dnsmessage.RCodeNameError
	}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}

// knows says whether the name exists, with or without what is asked for.
func (z *zone) knows(q dnsmessage.Question) bool {
	if a, ok := reversed(q.Name.String()); ok {
		return z.names[a] != ""
	}
	return len(z.addrs[plain(q.Name.String())]) > 0
}

// answers are none when the name has no record of the type that is asked for.
func (z *zone) answers(q dnsmessage.Question) (out []dnsmessage.Resource) {
	add := func(body dnsmessage.ResourceBody) {
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: ttl}
		out = append(out, dnsmessage.Resource{Header: h, Body: body})
	}
	if a, ok := reversed(q.Name.String()); ok {
		if name, err := dnsmessage.NewName(z.names[a] + "."); err == nil && q.Type == dnsmessage.TypePTR {
			add(&dnsmessage.PTRResource{PTR: name})
		}
		return out
	}
	for _, a := range z.inTurn(q) {
		if a.Is4() {
			add(&dnsmessage.AResource{A: a.As4()})
		} else {
			add(&dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
	return out
}

// inTurn are the addresses of the family that is asked for. It begins with
// another one each time, so that clients spread.
func (z *zone) inTurn(q dnsmessage.Question) []netip.Addr {
	as := slices.DeleteFunc(slices.Clone(z.addrs[plain(q.Name.String())]), func(a netip.Addr) bool {
		return !(a.Is4() && q.Type == dnsmessage.TypeA || a.Is6() && q.Type == dnsmessage.TypeAAAA)
	})
	if len(as) < 2 {
		return as
	}
	i := int(z.turn.Add(1)) % len(as)
	return slices.Concat(as[i:], as[:i])
}

// reversed reads the name by which an address is asked for, RFC 1035 section
// 3.5 and RFC 3596 section 2.5.
func reversed(name string) (netip.Addr, bool) {
	name = plain(name)
	if v4, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		parts := strings.Split(v4, ".")
		slices.Reverse(parts)
		a, err := netip.ParseAddr(strings.Join(parts, "."))
		return a, err == nil && a.Is4()
	}
	v6, ok := strings.CutSuffix(name, ".ip6.arpa")
	digits := strings.Split(v6, ".")
	if !ok || len(digits) != 32 {
		return netip.Addr{}, false
	}
	var b [16]byte
	for i, d := range digits {
		n, err := strconv.ParseUint(d, 16, 4)
		if err != nil {
			return netip.Addr{}, false
		}
		b[15-i/2] |= byte(n) << (4 * (i % 2))
	}
	return netip.AddrFrom16(b), true
}
