package proof

import (
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// devices remembers the names of the interfaces.
func (v *view) devices() error {
	ms, err := v.route(unix.RTM_GETLINK, unix.SizeofIfInfomsg)
	if err != nil {
		return fmt.Errorf("interfaces of this machine: %w", err)
	}
	v.names = map[uint32]string{}
	for _, m := range ms {
		v.names[m.u32(4)] = text(v, find(m.attrs, unix.IFLA_IFNAME))
	}
	return nil
}

// linkWords are those of if_link.h. The settings in IFLA_AF_SPEC are in the
// section of the sysctls, by name.
var linkWords = vocabulary{
	unix.IFLA_IFNAME:             leftOut, // it is the key
	unix.IFLA_STATS:              leftOut,
	unix.IFLA_STATS64:            leftOut,
	unix.IFLA_AF_SPEC:            leftOut,
	unix.IFLA_CARRIER_CHANGES:    leftOut,
	unix.IFLA_CARRIER_UP_COUNT:   leftOut,
	unix.IFLA_CARRIER_DOWN_COUNT: leftOut,
	unix.IFLA_ADDRESS:            {"mac", mac},
	unix.IFLA_BROADCAST:          {"broadcast", mac},
	unix.IFLA_PERM_ADDRESS:       {"permanent-mac", mac},
	unix.IFLA_MTU:                {"mtu", number},
	unix.IFLA_LINK:               {"link", device},
	unix.IFLA_LINK_NETNSID:       {"link-netnsid", number},
	unix.IFLA_QDISC:              {"qdisc", text},
	unix.IFLA_MASTER:             {"master", device},
	unix.IFLA_TXQLEN:             {"qlen", number},
	unix.IFLA_OPERSTATE:          {"operstate", number},
	unix.IFLA_LINKMODE:           {"mode", number},
	unix.IFLA_IFALIAS:            {"alias", text},
	unix.IFLA_GROUP:              {"group", number},
	unix.IFLA_PROMISCUITY:        {"promiscuity", number},
	unix.IFLA_CARRIER:            {"carrier", number},
	unix.IFLA_NUM_TX_QUEUES:      {"tx-queues", number},
	unix.IFLA_NUM_RX_QUEUES:      {"rx-queues", number},
	unix.IFLA_MIN_MTU:            {"min-mtu", number},
	unix.IFLA_MAX_MTU:            {"max-mtu", number},
	unix.IFLA_GSO_MAX_SIZE:       {"gso-max-size", number},
	unix.IFLA_GSO_MAX_SEGS:       {"gso-max-segs", number},
	unix.IFLA_LINKINFO:           {"info", list(infoWords)},
	unix.IFLA_PROP_LIST:          {"altnames", list(vocabulary{unix.IFLA_ALT_IFNAME: {"altname", text}})},
}

// infoWords leave out what a bridge counts and learns; the numbers are the
// IFLA_BR and IFLA_BRPORT attributes of if_link.h.
var infoWords = vocabulary{
	unix.IFLA_INFO_KIND:       {"kind", text},
	unix.IFLA_INFO_DATA:       {"data", list(timers(10, 12, 13, 14, 15, 16, 17, 18, 19, 48))},
	unix.IFLA_INFO_XSTATS:     leftOut,
	unix.IFLA_INFO_SLAVE_KIND: {"port-of", text},
	unix.IFLA_INFO_SLAVE_DATA: {"port", list(timers(13, 14, 15, 16, 19, 20, 21, 22, 23, 42))},
}

func timers(kinds ...uint16) vocabulary {
	voc := vocabulary{}
	for _, k := range kinds {
		voc[k] = leftOut
	}
	return voc
}

// links are the interfaces, as ip-link(8) shows them.
func links(v *view) ([]string, error) {
	ms, err := v.route(unix.RTM_GETLINK, unix.SizeofIfInfomsg)
	var out []string
	for _, m := range ms {
		key := text(v, find(m.attrs, unix.IFLA_IFNAME))
		out = append(out, v.line(key, m.attrs, linkWords,
			fmt.Sprintf("index=%d", m.u32(4)), fmt.Sprintf("type=%d", m.u16(2)), fmt.Sprintf("flags=%#x", m.u32(8))))
	}
	return out, err
}

// vlans are what bridge-vlan(8) shows of the ports of bridges.
func vlans(v *view) ([]string, error) {
	const compressed = 1 << 2 // RTEXT_FILTER_BRVLAN_COMPRESSED of rtnetlink.h
	request := make([]byte, unix.SizeofIfInfomsg)
	request[0] = unix.AF_BRIDGE
	request = append(request, nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(compressed)).Serialize()...)
	ms, err := v.messages(unix.RTM_GETLINK, request, unix.SizeofIfInfomsg)
	var out []string
	for _, m := range ms {
		key := text(v, find(m.attrs, unix.IFLA_IFNAME))
		if spec := find(m.attrs, unix.IFLA_AF_SPEC); spec != nil {
			out = append(out, v.line(key, attributes(spec), vocabulary{}))
		}
	}
	return out, err
}

// qdiscs are the queues of the interfaces, see tc(8).
func qdiscs(v *view) ([]string, error) {
	const tcmsg = 20
	ms, err := v.route(unix.RTM_GETQDISC, tcmsg)
	voc := vocabulary{
		unix.TCA_KIND: {"kind", text}, unix.TCA_OPTIONS: {"options", hexadecimal},
		unix.TCA_STATS: leftOut, unix.TCA_XSTATS: leftOut, unix.TCA_STATS2: leftOut,
	}
	var out []string
	for _, m := range ms {
		out = append(out, v.line(fmt.Sprintf("%s handle %#x", v.device(m.u32(4)), m.u32(8)), m.attrs, voc,
			fmt.Sprintf("parent=%#x", m.u32(12))))
	}
	return out, err
}
