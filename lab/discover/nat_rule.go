package discover

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/google/nftables/expr"
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

// newRule reads a rule of a chain.
func newRule(table, chain string, exprs []expr.Any) Rule {
	r := reading{Rule: Rule{Table: table, Chain: chain, Whole: true}, values: map[uint32][]byte{}}
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
	case *expr.Verdict:
		r.verdict(x)
	case *expr.Masq:
		r.translate("MASQUERADE")
	case *expr.Redir:
		r.translate("REDIRECT")
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
		return r.comparePayload(l, c)
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
	r.Proto = protocols[data[0]]
	return r.Proto != ""
}

// protocols are those that a lab file knows.
var protocols = map[byte]string{
	unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp", unix.IPPROTO_ICMP: "icmp", unix.IPPROTO_ICMPV6: "ipv6-icmp",
}

// comparePayload knows where RFC 791 and RFC 8200 have their addresses, and
// that tcp and udp both have their ports in the first four bytes.
func (r *reading) comparePayload(l *expr.Payload, c *expr.Cmp) bool {
	not, data := c.Op == expr.CmpOpNeq, c.Data
	switch {
	case !not && c.Op != expr.CmpOpEq:
		return false
	case l.Base == expr.PayloadBaseTransportHeader:
		return !not && r.ports(l.Offset, data)
	}
	field, ok := map[uint32]struct {
		prefix *netip.Prefix
		not    *bool
		size   int
	}{
		12: {&r.From, &r.NotFrom, 4}, 16: {&r.Dest, &r.NotDest, 4},
		8: {&r.From, &r.NotFrom, 16}, 24: {&r.Dest, &r.NotDest, 16},
	}[l.Offset]
	if l.Base != expr.PayloadBaseNetworkHeader || !ok || len(data) > field.size {
		return !not && l.Base == expr.PayloadBaseNetworkHeader && l.Offset == 9 && r.proto(data)
	}
	addr, _ := netip.AddrFromSlice(append(bytes.Clone(data), make([]byte, field.size-len(data))...))
	*field.prefix, *field.not = netip.PrefixFrom(addr, r.bits(len(data))), not
	return true
}

// ports reads what is asked of one port, or of both.
func (r *reading) ports(offset uint32, data []byte) bool {
	switch {
	case offset == 0 && len(data) == 4:
		r.SrcPort, r.Port = binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:])
	case offset == 0 && len(data) == 2:
		r.SrcPort = binary.BigEndian.Uint16(data)
	case offset == 2 && len(data) == 2:
		r.Port = binary.BigEndian.Uint16(data)
	default:
		return false
	}
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
