package discover

import (
	"strings"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
)

// match is what iptables asks by an extension, see iptables-extensions(8). It
// says whether it was understood.
func (r *reading) match(m *expr.Match) bool {
	switch info := m.Info.(type) {
	case *xt.Comment:
		return true
	case *xt.Tcp:
		r.Proto = "tcp"
		plain := info.InvFlags == 0 && info.FlagsMask == 0 && info.Option == 0
		return r.range2(info.SrcPorts, &r.SrcPort) && r.range2(info.DstPorts, &r.Port) && plain
	case *xt.Udp:
		r.Proto = "udp"
		return r.range2(info.SrcPorts, &r.SrcPort) && r.range2(info.DstPorts, &r.Port) && info.InvFlags == 0
	case *xt.AddrTypeV1:
		var from, to bool
		r.SrcType, from = addrType(info.Source)
		r.DstType, to = addrType(info.Dest)
		return from && to && info.Flags == 0
	case *xt.ConntrackMtinfo3:
		r.State = states(info.StateMask)
		return r.State != "" && info.MatchFlags == uint16(xt.ConntrackState) && info.InvertFlags == 0
	}
	return false
}

// range2 reads a range of ports: one, or all.
func (r *reading) range2(ports [2]uint16, one *uint16) bool {
	if ports[0] == ports[1] {
		*one = ports[0]
	}
	return ports[0] == ports[1] || ports == [2]uint16{0, 0xffff}
}

// addrType is the one type of an address that is asked for, "" for none.
func addrType(asked uint16) (string, bool) {
	name := map[xt.AddrTypeFlags]string{
		xt.AddrTypeUnicast: "UNICAST", xt.AddrTypeLocal: "LOCAL", xt.AddrTypeBroadcast: "BROADCAST", xt.AddrTypeMulticast: "MULTICAST",
	}[xt.AddrTypeFlags(asked)]
	return name, asked == 0 || name != ""
}

// states are the bits of xt_conntrack.h, XT_CONNTRACK_STATE_BIT, in the order
// in which iptables prints them.
func states(mask uint16) string {
	var out []string
	for _, s := range []struct {
		name string
		bit  uint16
	}{
		{"INVALID", 1 << 0},
		{"NEW", 1 << 3},
		{"RELATED", 1 << 2},
		{"ESTABLISHED", 1 << 1},
		{"UNTRACKED", 1 << 8},
		{"SNAT", 1 << 6},
		{"DNAT", 1 << 7},
	} {
		if mask&s.bit != 0 {
			out = append(out, s.name)
		}
	}
	return strings.Join(out, ",")
}
