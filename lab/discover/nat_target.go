package discover

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
)

// translate notes a target that changes addresses.
func (r *reading) translate(target string) {
	r.Target, r.Kind = target, strings.ToLower(target)
}

// verdict is a target of nf_tables that changes nothing in the packet.
func (r *reading) verdict(v *expr.Verdict) {
	switch v.Kind {
	case expr.VerdictAccept:
		r.Target = "ACCEPT"
	case expr.VerdictDrop:
		r.Target = "DROP"
	case expr.VerdictReturn:
		r.Target = "RETURN"
	case expr.VerdictJump:
		r.Target = v.Chain
	default: // goto, queue ...
		r.Target, r.Whole = v.Chain, false
	}
}

// native is a target of nf_tables.
func (r *reading) native(x *expr.NAT) {
	r.translate("SNAT")
	if x.Type == expr.NATTypeDestNAT {
		r.translate("DNAT")
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
	switch x.Name {
	case "MASQUERADE", "SNAT", "DNAT", "REDIRECT":
		r.translate(x.Name)
	case "REJECT":
		r.Target = x.Name
		r.Whole = r.Whole && r.answersPort(x.Info)
		return
	default:
		r.Target, r.Whole = x.Name, false
		return
	}
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

// answersPort says whether REJECT answers "port unreachable", as it does unless
// it is told otherwise: linux/netfilter_ipv4/ipt_REJECT.h, netfilter_ipv6/ip6t_REJECT.h.
func (r *reading) answersPort(info xt.InfoAny) bool {
	data, ok := info.(*xt.Unknown)
	_, ipv6 := tableOf(r.Table)
	want := map[bool]uint32{false: 3, true: 4}[ipv6]
	return ok && len(*data) >= 4 && binary.NativeEndian.Uint32(*data) == want
}

func (r *reading) to(target string, n xt.NatRange) {
	addr, ok := netip.AddrFromSlice(n.MinIP)
	if target == "SNAT" || target == "DNAT" {
		r.To = netip.AddrPortFrom(addr.Unmap(), n.MinPort)
		r.Whole = r.Whole && ok && n.MinIP.Equal(n.MaxIP) && n.MinPort == n.MaxPort && n.Flags&^plainRange == 0
	} else {
		r.Whole = r.Whole && n.MinPort == 0 && n.Flags&^plainRange == 0
	}
}

// plainRange are the flags of a range that says no more than addresses and ports:
// linux/netfilter/nf_nat.h, NF_NAT_RANGE_MAP_IPS and NF_NAT_RANGE_PROTO_SPECIFIED.
const plainRange = uint(xt.NatRangeMapIPs | xt.NatRangeProtoSpecified)
