package op

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strings"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"
)

// The expressions below are the ones that iptables-nft 1.8.9 writes, in its
// order: what it can say natively (interface, protocol, prefix, port,
// counter) natively, the target through nft_compat. One native masquerade or
// dnat in the table and iptables calls all of it "incompatible" and shows nothing.

func loadMeta(key expr.MetaKey) expr.Any { return &expr.Meta{Key: key, Register: unix.NFT_REG_1} }

func compare(op expr.CmpOp, data []byte) expr.Any {
	return &expr.Cmp{Op: op, Register: unix.NFT_REG_1, Data: data}
}

// matchDev is -i or -o. A name is compared with its final zero, a wildcard ("eth+") without.
func matchDev(key expr.MetaKey, dev string) []expr.Any {
	name, inverted := splitDev(dev)
	if name == "" {
		return nil
	}
	op := expr.CmpOpEq
	if inverted {
		op = expr.CmpOpNeq
	}
	data := []byte(name + "\x00")
	if prefix, wild := strings.CutSuffix(name, "+"); wild {
		data = []byte(prefix)
	}
	return []expr.Any{loadMeta(key), compare(op, data)}
}

// matchProto is -p.
func matchProto(proto string) []expr.Any {
	return []expr.Any{loadMeta(expr.MetaKeyL4PROTO), compare(expr.CmpOpEq, []byte{protoNumber(proto)})}
}

// matchPort is --dport: bytes 2 and 3 of the header of tcp and udp alike.
func matchPort(port uint16) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: unix.NFT_REG_1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		compare(expr.CmpOpEq, binary.BigEndian.AppendUint16(nil, port)),
	}
}

// matchSource is -s: RFC 791 and RFC 8200 say where the address stands.
func matchSource(from netip.Prefix) []expr.Any {
	if from.Addr().Is6() {
		return matchPrefix(8, from)
	}
	return matchPrefix(12, from)
}

// matchDest is -d.
func matchDest(to netip.Prefix) []expr.Any {
	if to.Addr().Is6() {
		return matchPrefix(24, to)
	}
	return matchPrefix(16, to)
}

// matchPrefix loads the bytes of the prefix, and all of the address under a
// mask where the prefix ends inside a byte.
func matchPrefix(offset uint32, p netip.Prefix) []expr.Any {
	if p.Bits() == 0 {
		return nil
	}
	size, addr := uint32(p.Bits()/8), p.Masked().Addr().AsSlice()
	if p.Bits()%8 == 0 {
		return []expr.Any{loadAddr(offset, size), compare(expr.CmpOpEq, addr[:size])}
	}
	size = uint32(len(addr))
	mask := net.CIDRMask(p.Bits(), p.Addr().BitLen())
	return []expr.Any{
		loadAddr(offset, size),
		&expr.Bitwise{SourceRegister: unix.NFT_REG_1, DestRegister: unix.NFT_REG_1, Len: size, Mask: mask, Xor: make([]byte, size)},
		compare(expr.CmpOpEq, addr),
	}
}

func loadAddr(offset, size uint32) expr.Any {
	return &expr.Payload{DestRegister: unix.NFT_REG_1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size}
}

// masqueradeTarget is MASQUERADE; like SNAT it has one form for IPv4, as old
// as netfilter, and another for IPv6.
func masqueradeTarget(a netip.Addr) *expr.Target {
	if a.Is6() {
		return &expr.Target{Name: "MASQUERADE", Info: &xt.NatRange{MinIP: net.IPv6zero, MaxIP: net.IPv6zero}}
	}
	return &expr.Target{Name: "MASQUERADE", Info: &xt.NatIPv4MultiRangeCompat{{MinIP: net.IPv4zero, MaxIP: net.IPv4zero}}}
}

func snatTarget(to netip.AddrPort) *expr.Target {
	r := natRange(to)
	if to.Addr().Is6() {
		return &expr.Target{Name: "SNAT", Rev: 1, Info: &r}
	}
	return &expr.Target{Name: "SNAT", Info: &xt.NatIPv4MultiRangeCompat{xt.NatIPv4Range(r)}}
}

func dnatTarget(to netip.AddrPort) *expr.Target {
	return &expr.Target{Name: "DNAT", Rev: 2, Info: &xt.NatRange2{NatRange: natRange(to)}}
}

// natRange is one address, and one port where it is given.
func natRange(to netip.AddrPort) xt.NatRange {
	ip, flags := net.IP(to.Addr().AsSlice()), xt.NatRangeMapIPs
	if to.Port() != 0 {
		flags |= xt.NatRangeProtoSpecified
	}
	return xt.NatRange{Flags: uint(flags), MinIP: ip, MaxIP: ip, MinPort: to.Port(), MaxPort: to.Port()}
}
