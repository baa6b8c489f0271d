package op

import (
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"nslab/topology"
)

// Sweep removes the interfaces that gone makes on the lab's host with a single
// request. The kernel waits for a grace period of 15 ms at each removal,
// however many interfaces go at once. It is a shortcut and no more: each fact
// is still undone by itself afterwards, and finds nothing to do.
func Sweep(k *Kernel, gone []Op) error {
	if len(hostDevs(gone)) < 2 {
		return nil
	}
	return k.In(topology.Host, func(h *netlink.Handle) error {
		links, err := LinkList(h)
		if err != nil || !onlyOurs(k, links, hostDevs(gone)) {
			return err
		}
		return deleteGroup(k.Group())
	})
}

// hostDevs are the interfaces on the host that the facts make, and the address
// by which each is known as the lab's own.
func hostDevs(gone []Op) []device {
	var out []device
	for _, o := range gone {
		if m, ok := o.(interface{ devices() []device }); ok {
			out = append(out, m.devices()...)
		}
	}
	return slices.DeleteFunc(out, func(d device) bool { return d.NS != topology.Host })
}

// onlyOurs says whether the lab's group holds nothing but interfaces that are
// to go: one that somebody else has put in must not go with them.
func onlyOurs(k *Kernel, links []netlink.Link, ours []device) bool {
	known := map[string]bool{}
	for _, d := range ours {
		known[d.addr(k).String()] = true
	}
	return !slices.ContainsFunc(links, func(l netlink.Link) bool {
		return l.Attrs().Group == k.Group() && !known[l.Attrs().HardwareAddr.String()]
	})
}

// deleteGroup is `ip link del group N`, rtnetlink(7). No interface in the group
// is no error.
func deleteGroup(group uint32) error {
	req := nl.NewNetlinkRequest(unix.RTM_DELLINK, unix.NLM_F_ACK)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(group)))
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return gone(err)
}
