package probe

import (
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// targetNetNS asks about an interface of another namespace by the number that
// it has in this one: IFLA_TARGET_NETNSID, linux/if_link.h, since Linux 4.20.
const targetNetNS = 46

// peerName is the name of the other end of a veth. `ip link` prints its number,
// behind the @: IFLA_LINK, which counts in the namespace IFLA_LINK_NETNSID.
func peerName(h *netlink.Handle, l *netlink.Veth) (string, error) {
	if l.NetNsID < 0 {
		other, err := h.LinkByIndex(l.ParentIndex)
		if err != nil {
			return "", err
		}
		return other.Attrs().Name, nil
	}
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, 0)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(l.ParentIndex)
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(targetNetNS, nl.Uint32Attr(uint32(l.NetNsID))))
	answers, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	if err != nil || len(answers) == 0 {
		return "", err
	}
	other, err := netlink.LinkDeserialize(nil, answers[0])
	if err != nil {
		return "", err
	}
	return other.Attrs().Name, nil
}
