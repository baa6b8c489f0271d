package discover

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"
)

// reading is a rule as it is read, expression by expression: each loads
// something into a register, compares it, or does something with it.
type reading struct {
	Rule
	loaded expr.Any
	mask   []byte
	values map[uint32][]byte // of registers
}

// newRule reads a rule; its Kind is "" when it translates nothing.
func newRule(exprs []expr.Any) Rule {
	r := reading{Rule: Rule{Whole: true}, values: map[uint32][]byte{}}
	for _, e := range exprs {
		r.read(e)
	}
	return r.Rule
}

func (r *reading) read(e expr.Any) {
	switch x := e.(type) {
	case *expr.Counter:
	case *expr.Meta, *expr.Payload:
		r.loaded, r.mask = e, nil
	case *expr.Bitwise:
		r.mask = x.Mask
	case *expr.Cmp:
		r.Whole = r.compare(x) && r.Whole
	case *expr.Match:
		r.Whole = r.match(x) && r.Whole
	case *expr.Immediate:
		r.values[x.Register] = x.Data
	case *expr.Masq:
		r.Kind = "masquerade"
	case *expr.Redir:
		r.Kind = "redirect"
	case *expr.NAT:
		r.native(x)
	case *expr.Target:
		r.compat(x)
	default:
		r.Whole = false
	}
}

// compare reads what is asked of a packet, and says whether it understood.
func (r *reading) compare(c *expr.Cmp) bool {
	switch l := r.loaded.(type) {
	case *expr.Meta:
		return r.compareMeta(l.Key, c)
	case *expr.Payload:
		return c.Op == expr.CmpOpEq && r.comparePayload(l, c.Data)
	}
	return false
}

func (r *reading) compareMeta(key expr.MetaKey, c *expr.Cmp) bool {
	switch key {
	case expr.MetaKeyIIFNAME:
		r.InDev = deviceOf(c)
	case expr.MetaKeyOIFNAME:
		r.OutDev = deviceOf(c)
	case expr.MetaKeyL4PROTO:
		return c.Op == expr.CmpOpEq && r.proto(c.Data)
	case expr.MetaKeyNFPROTO: // the family is in the addresses
	default:
		return false
	}
	return true
}

// deviceOf is a name; one without its final zero stands for all that begin so.
func deviceOf(c *expr.Cmp) string {
	name, _, whole := strings.Cut(string(c.Data), "\x00")
	if !whole {
		name += "+"
	}
	if c.Op == expr.CmpOpNeq {
		name = "!" + name
	}
	return name
}

func (r *reading) proto(data []byte) bool {
	if len(data) == 0 {
		return false
	}
	r.Proto = map[byte]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp"}[data[0]]
	return r.Proto != ""
}

// comparePayload knows where RFC 791 and RFC 8200 have their addresses, and
// that tcp and udp both have the destination port in bytes 2 and 3.
func (r *reading) comparePayload(l *expr.Payload, data []byte) bool {
	if l.Base == expr.PayloadBaseTransportHeader && l.Offset == 2 && len(data) == 2 {
		r.Port = binary.BigEndian.Uint16(data)
		return true
	}
	field, ok := map[uint32]struct {
		prefix *netip.Prefix
		size   int
	}{12: {&r.From, 4}, 16: {&r.Dest, 4}, 8: {&r.From, 16}, 24: {&r.Dest, 16}}[l.Offset]
	if l.Base != expr.PayloadBaseNetworkHeader || !ok || len(data) > field.size {
		return l.Base == expr.PayloadBaseNetworkHeader && l.Offset == 9 && r.proto(data)
	}
	addr, _ := netip.AddrFromSlice(append(bytes.Clone(data), make([]byte, field.size-len(data))...))
	*field.prefix = netip.PrefixFrom(addr, r.bits(len(data)))
	return true
}

// bits is how much of an address is compared: its first bytes, or a mask.
func (r *reading) bits(size int) int {
	if r.mask == nil {
		return 8 * size
	}
	n := 0
	for _, b := range r.mask {
		for ; b&0x80 != 0; b <<= 1 {
			n++
		}
	}
	return n
}

func (r *reading) match(m *expr.Match) bool {
	var ports [2]uint16
	switch info := m.Info.(type) {
	case *xt.Comment:
		return true
	case *xt.Tcp:
		r.Proto, ports = "tcp", info.DstPorts
	case *xt.Udp:
		r.Proto, ports = "udp", info.DstPorts
	default:
		return false
	}
	if ports[0] == ports[1] {
		r.Port = ports[0]
	}
	return ports[0] == ports[1] || ports == [2]uint16{0, 0xffff}
}

// native is a target of nf_tables.
func (r *reading) native(x *expr.NAT) {
	r.Kind = "snat"
	if x.Type == expr.NATTypeDestNAT {
		r.Kind = "dnat"
	}
	addr, ok := netip.AddrFromSlice(r.values[x.RegAddrMin])
	var port uint16
	if b := r.values[x.RegProtoMin]; x.RegProtoMin != 0 && len(b) >= 2 {
		port = binary.BigEndian.Uint16(b)
	}
	r.To = netip.AddrPortFrom(addr, port)
	r.Whole = r.Whole && ok
}

// compat is a target of iptables.
func (r *reading) compat(x *expr.Target) {
	kind, ok := map[string]string{"MASQUERADE": "masquerade", "SNAT": "snat", "DNAT": "dnat", "REDIRECT": "redirect"}[x.Name]
	if !ok {
		r.Whole = false
		return
	}
	r.Kind = kind
	switch info := x.Info.(type) {
	case *xt.NatIPv4MultiRangeCompat:
		if len(*info) == 1 {
			r.to(x.Name, xt.NatRange((*info)[0]))
		}
	case *xt.NatRange:
		r.to(x.Name, *info)
	case *xt.NatRange2:
		r.to(x.Name, info.NatRange)
	default:
		r.Whole = r.Whole && x.Name == "MASQUERADE"
	}
}

func (r *reading) to(target string, n xt.NatRange) {
	addr, ok := netip.AddrFromSlice(n.MinIP)
	if target == "SNAT" || target == "DNAT" {
		r.To = netip.AddrPortFrom(addr.Unmap(), n.MinPort)
		r.Whole = r.Whole && ok && n.MinIP.Equal(n.MaxIP) && n.MinPort == n.MaxPort
	} else {
		r.Whole = r.Whole && n.MinPort == 0
	}
}
