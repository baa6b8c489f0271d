package discover

import (
	"slices"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// spanning says whether a bridge has spanning tree on, which the library does
// not read.
func spanning(index int) bool {
	value := linkValue(index, unix.IFLA_LINKINFO, nl.IFLA_INFO_DATA, nl.IFLA_BR_STP_STATE)
	return len(value) > 0 && value[0] != 0
}

// linkValue asks for an interface of the namespace that we are in, and follows
// attributes into each other. One that is gone meanwhile has no value.
func linkValue(index int, path ...uint16) []byte {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	replies, err := req.Execute(unix.NETLINK_ROUTE, 0)
	if err != nil || len(replies) == 0 || len(replies[0]) < unix.SizeofIfInfomsg {
		return nil
	}
	value := replies[0][unix.SizeofIfInfomsg:]
	for _, kind := range path {
		value = attribute(value, kind)
	}
	return value
}

// hairpin says whether a port of a bridge sends frames back to where they came from.
func hairpin(index int) bool {
	value := linkValue(index, unix.IFLA_LINKINFO, nl.IFLA_INFO_SLAVE_DATA, nl.IFLA_BRPORT_MODE)
	return len(value) > 0 && value[0] != 0
}

// attribute is the value of one among several, nil when it is not there.
func attribute(list []byte, kind uint16) []byte {
	all, err := nl.ParseRouteAttr(list)
	i := slices.IndexFunc(all, func(a syscall.NetlinkRouteAttr) bool { return a.Attr.Type&^unix.NLA_F_NESTED == kind })
	if err != nil || i < 0 {
		return nil
	}
	return all[i].Value
}
