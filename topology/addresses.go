package topology

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// addresses reads the addresses of an interface.
func (p *parser) addresses(path string, words []Word, lo bool) []Address {
	var out []Address
	for i, w := range words {
		at := path
		if len(words) > 1 {
			at = nth(path, i)
		}
		if a, ok := p.address(at, w, lo); ok {
			out = append(out, a)
		}
	}
	return out
}

// address reads an address with its prefix length.
func (p *parser) address(path string, w Word, lo bool) (Address, bool) {
	p.paths[w.Pos] = path
	prefix, problem := parsePrefixFor(w.Text, lo)
	if problem == "" {
		problem = interfaceProblem(prefix, lo)
	}
	if problem != "" {
		p.add(w.Pos, path, "%s", problem)
		return Address{}, false
	}
	return Address{Prefix: prefix, Pos: w.Pos}, true
}

// parsePrefix reads ADDRESS/LENGTH and keeps the host bits.
func parsePrefix(text string) (netip.Prefix, string) { return parsePrefixFor(text, false) }

func parsePrefixFor(text string, lo bool) (netip.Prefix, string) {
	ip, length, ok := strings.Cut(text, "/")
	addr, problem := parseAddr(ip)
	if problem != "" {
		return netip.Prefix{}, problem
	}
	if !ok {
		return netip.Prefix{}, bareProblem(addr, lo)
	}
	bits, problem := number(length, 0, addr.BitLen())
	if problem != "" {
		return netip.Prefix{}, lengthProblem(text, length, addr)
	}
	return netip.PrefixFrom(addr, bits), ""
}

// bareProblem explains the trap of an address without a prefix length.
func bareProblem(a netip.Addr, lo bool) string {
	if lo {
		return fmt.Sprintf("%s has no prefix length: write %s/%d, a network of one, as is usual on lo", a, a, a.BitLen())
	}
	usual := 24
	if a.Is6() {
		usual = 64
	}
	return fmt.Sprintf("%s has no prefix length; without one the kernel assumes /%d and reaches nobody: write %s/%d",
		a, a.BitLen(), a, usual)
}

func lengthProblem(text, length string, a netip.Addr) string {
	if mask, err := netip.ParseAddr(length); err == nil && mask.Is4() {
		if bits, ok := maskLength(mask); ok {
			return fmt.Sprintf("%q: write the netmask %s as a prefix length: %s/%d", cut(text), mask, a, bits)
		}
	}
	return fmt.Sprintf("%q: %q is not a prefix length: want a number from 0 to %d", cut(text), cut(length), a.BitLen())
}

// maskLength counts the leading ones of a netmask.
func maskLength(mask netip.Addr) (int, bool) {
	b := mask.As4()
	m := binary.BigEndian.Uint32(b[:])
	for bits := range 33 {
		if m == ^uint32(0)<<(32-bits) {
			return bits, true
		}
	}
	return 0, false
}

// parseAddr reads an IPv4 or IPv6 address.
func parseAddr(text string) (netip.Addr, string) {
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return a, addrProblem(text)
	case a.Zone() != "":
		return a, fmt.Sprintf("%q: a zone (%%%s) is not possible here: say `dev` instead", cut(text), cut(a.Zone()))
	case a.Is4In6():
		return a, fmt.Sprintf("%q is an IPv4 address in IPv6 clothes: write %s", cut(text), a.Unmap())
	}
	return a, ""
}

// addrProblem looks for the usual slips in what is not an address.
func addrProblem(text string) string {
	parts := strings.Split(text, ".")
	if len(parts) < 2 || strings.Trim(text, "0123456789.") != "" {
		if text == "" {
			return "the address is missing"
		}
		return fmt.Sprintf("%q is not an IP address", cut(text))
	}
	for _, part := range parts {
		if _, problem := number(part, 0, 255); problem != "" && len(part) > 1 && part[0] == '0' {
			return fmt.Sprintf("%q: %s has a leading zero, which some programs read as octal: write %s", cut(text), cut(part), cut(trimZeros(part)))
		} else if problem != "" {
			return fmt.Sprintf("%q: %q is not an IPv4 byte (0 to 255)", cut(text), cut(part))
		}
	}
	return fmt.Sprintf("%q: an IPv4 address has 4 bytes, this has %d", cut(text), len(parts))
}

func trimZeros(digits string) string {
	if t := strings.TrimLeft(digits, "0"); t != "" {
		return t
	}
	return "0"
}

// interfaceProblem says why an interface cannot have an address. The kernel
// accepts all of these without a word.
func interfaceProblem(p netip.Prefix, lo bool) string {
	a := p.Addr()
	switch {
	case a.IsUnspecified():
		return fmt.Sprintf("%s means \"no address\": an interface cannot have it", a)
	case a.IsMulticast():
		return fmt.Sprintf("%s is a multicast address: groups have it, an interface cannot", a)
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fmt.Sprintf("%s is the broadcast address of every network: an interface cannot have it", a)
	case a.IsLoopback() && !lo:
		return fmt.Sprintf("%s is a loopback address: it belongs to lo and never leaves the machine", a)
	case a.IsLoopback() && (a == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || a.Is6()):
		return fmt.Sprintf("lo has %s by itself as soon as it is up: write `lo: up`", a)
	case p.Bits() == 0:
		return fmt.Sprintf("%s: the prefix length 0 would put every address of the world on this cable", p)
	case a.IsLoopback():
		return ""
	}
	return hostProblemOf(p)
}

// hostProblemOf refuses the first and the last address of a network: the
// network itself (in IPv6 the anycast of its routers, RFC 4291 section
// 2.6.1) and the IPv4 broadcast.
func hostProblemOf(p netip.Prefix) string {
	a := p.Addr()
	if p.Bits() >= a.BitLen()-1 {
		return ""
	}
	if a == p.Masked().Addr() {
		return fmt.Sprintf("%s is the network itself: its hosts are %s", a, hostsOf(p))
	}
	if a == last(p) && a.Is4() {
		return fmt.Sprintf("%s is the broadcast address of %s: its hosts are %s", a, p.Masked(), hostsOf(p))
	}
	return ""
}

func hostsOf(p netip.Prefix) string {
	first := p.Masked().Addr().Next()
	if p.Addr().Is6() {
		return fmt.Sprintf("%s and up", first)
	}
	return fmt.Sprintf("%s to %s", first, last(p).Prev())
}

// last returns the last address of a network.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b) // 4 or 16 bytes, as it came
	return a
}

// network reads the destination of a route or the source of a NAT rule: a
// network without host bits, or one address.
func network(text string) (netip.Prefix, string) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" && !a.Is4In6() {
		return netip.PrefixFrom(a, a.BitLen()), ""
	}
	p, problem := parsePrefix(text)
	if problem == "" && p != p.Masked() {
		problem = fmt.Sprintf("%s is a host in the network %s: write %s", p, p.Masked(), p.Masked())
	}
	return p, problem
}

// split cuts a scalar at spaces; each part knows its own column.
func (p *parser) split(w Word) []Word {
	var out []Word
	col := w.Pos.Col
	if p.quoted[w.Pos] {
		col++
	}
	rest := w.Text
	for rest != "" {
		trimmed := strings.TrimLeft(rest, " \t\n")
		col += len(rest) - len(trimmed)
		word, after := trimmed, ""
		if i := strings.IndexAny(trimmed, " \t\n"); i >= 0 {
			word, after = trimmed[:i], trimmed[i:]
		}
		if word != "" {
			out = append(out, Word{Text: word, Pos: Pos{File: w.Pos.File, Line: w.Pos.Line, Col: col}})
		}
		col += utf8.RuneCountInString(word)
		rest = after
	}
	if len(out) > 0 {
		out[0].Pos = w.Pos
	}
	return out
}
