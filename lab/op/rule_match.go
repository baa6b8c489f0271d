package op

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"

	"nslab/topology"
)

// matchRule is everything that a rule asks of a packet, in the order in which
// iptables-nft writes it.
func matchRule(r topology.Rule) []expr.Any {
	return slices.Concat(
		matchDev(expr.MetaKeyIIFNAME, r.InDev), matchDev(expr.MetaKeyOIFNAME, r.OutDev),
		matchOptional(r.Protocol),
		matchNet(r.Source, r.NotSource, matchSource), matchNet(r.Destination, r.NotDestination, matchDest),
		matchPorts(r), matchTypes(r), matchState(r.CTState),
	)
}

func matchOptional(proto string) []expr.Any {
	if proto == "" {
		return nil
	}
	return matchProto(proto)
}

// matchNet is -s or -d, or the contrary.
func matchNet(p netip.Prefix, not bool, match func(netip.Prefix) []expr.Any) []expr.Any {
	if !p.IsValid() {
		return nil
	}
	exprs := match(p)
	if n := len(exprs); not && n > 0 {
		if c, ok := exprs[n-1].(*expr.Cmp); ok {
			c.Op = expr.CmpOpNeq
		}
	}
	return exprs
}

// matchPorts is --sport and --dport, side by side at the beginning of the
// header of tcp and udp alike.
func matchPorts(r topology.Rule) []expr.Any {
	source := binary.BigEndian.AppendUint16(nil, r.SrcPort)
	switch {
	case r.SrcPort != 0 && r.DstPort != 0:
		return []expr.Any{loadPorts(4), compare(expr.CmpOpEq, binary.BigEndian.AppendUint16(source, r.DstPort))}
	case r.SrcPort != 0:
		return []expr.Any{loadPorts(2), compare(expr.CmpOpEq, source)}
	case r.DstPort != 0:
		return matchPort(r.DstPort)
	}
	return nil
}

func loadPorts(size uint32) expr.Any {
	return &expr.Payload{DestRegister: unix.NFT_REG_1, Base: expr.PayloadBaseTransportHeader, Len: size}
}

// addrTypes are the types of an address that a rule may ask for.
var addrTypes = map[string]xt.AddrTypeFlags{
	"UNICAST": xt.AddrTypeUnicast, "LOCAL": xt.AddrTypeLocal,
	"BROADCAST": xt.AddrTypeBroadcast, "MULTICAST": xt.AddrTypeMulticast,
}

// matchTypes is -m addrtype: what the routing table says of an address.
func matchTypes(r topology.Rule) []expr.Any {
	if r.SrcType == "" && r.DstType == "" {
		return nil
	}
	info := &xt.AddrTypeV1{Source: uint16(addrTypes[r.SrcType]), Dest: uint16(addrTypes[r.DstType])}
	return []expr.Any{&expr.Match{Name: "addrtype", Rev: 1, Info: info}}
}

// flowStates are the bits of xt_conntrack.h, XT_CONNTRACK_STATE_BIT.
var flowStates = map[string]uint16{
	"INVALID": 1 << 0, "ESTABLISHED": 1 << 1, "RELATED": 1 << 2, "NEW": 1 << 3,
	"SNAT": 1 << 6, "DNAT": 1 << 7, "UNTRACKED": 1 << 8,
}

// matchState is -m conntrack --ctstate.
func matchState(states string) []expr.Any {
	if states == "" {
		return nil
	}
	info := &xt.ConntrackMtinfo3{}
	info.MatchFlags = uint16(xt.ConntrackState)
	for s := range strings.SplitSeq(states, ",") {
		info.StateMask |= flowStates[s]
	}
	return []expr.Any{&expr.Match{Name: "conntrack", Rev: 3, Info: info}}
}

// rejectPort is what REJECT answers unless it is told otherwise, "port
// unreachable": linux/netfilter_ipv4/ipt_REJECT.h and netfilter_ipv6/ip6t_REJECT.h.
var rejectPort = map[bool]byte{false: 3, true: 4}

// wording is what a rule asks of a packet and does with it, for the kernel and for a person.
type wording interface {
	match() []expr.Any
	target() expr.Any
	Words() []string
}

// ipRule is a rule in the words of iptables(8).
type ipRule struct{ topology.Rule }

func (r ipRule) match() []expr.Any { return matchRule(r.Rule) }
func (r ipRule) target() expr.Any  { return ruleTarget(r.Rule) }

// ruleTarget is -j.
func ruleTarget(r topology.Rule) expr.Any {
	switch r.Target {
	case "ACCEPT":
		return &expr.Verdict{Kind: expr.VerdictAccept}
	case "DROP":
		return &expr.Verdict{Kind: expr.VerdictDrop}
	case "RETURN":
		return &expr.Verdict{Kind: expr.VerdictReturn}
	case "REJECT":
		return &expr.Target{Name: "REJECT", Info: &xt.Unknown{rejectPort[r.IPv6], 0, 0, 0, 0, 0, 0, 0}}
	case "MASQUERADE":
		return masqueradeTarget(anyOf(r.IPv6))
	case "SNAT":
		return snatTarget(r.To)
	case "DNAT":
		return dnatTarget(r.To)
	}
	return &expr.Verdict{Kind: expr.VerdictJump, Chain: r.Target}
}

func anyOf(ipv6 bool) netip.Addr {
	if ipv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}
