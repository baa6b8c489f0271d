package discover

import (
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"nslab/lab/op"
)

// handle asks the namespace of the calling thread: it holds no socket.
func handle() *netlink.Handle { return &netlink.Handle{} }

func (n *Namespace) readInterfaces() error {
	links, err := op.LinkList(handle())
	if err != nil {
		return err
	}
	for _, l := range links {
		n.Interfaces = append(n.Interfaces, newInterface(l))
	}
	slices.SortFunc(n.Interfaces, func(a, b *Interface) int { return a.Index - b.Index })
	addrs, err := addresses()
	for _, a := range addrs {
		i := n.byIndex(a.LinkIndex)
		ip, ok := netip.AddrFromSlice(a.IP)
		ones, _ := a.Mask.Size()
		if p := netip.PrefixFrom(ip.Unmap(), ones); ok && i != nil && !given(i, p) {
			i.Addresses = append(i.Addresses, p)
		}
	}
	return err
}

func addresses() (addrs []netlink.Addr, err error) {
	for range tries {
		if addrs, err = handle().AddrList(nil, netlink.FAMILY_ALL); err == nil {
			break
		}
	}
	return addrs, err
}

// tries bounds how often a list is asked for that changes while it is read.
const tries = 30

// given says whether the kernel gives an address by itself: 127.0.0.1 and ::1 to
// lo, a link-local IPv6 address to everybody.
func given(i *Interface, p netip.Prefix) bool {
	if i.Kind == "loopback" {
		return p == netip.MustParsePrefix("127.0.0.1/8") || p == netip.MustParsePrefix("::1/128")
	}
	return p.Addr().Is6() && p.Addr().IsLinkLocalUnicast()
}

func newInterface(l netlink.Link) *Interface {
	a := l.Attrs()
	i := &Interface{
		Index: a.Index, Name: a.Name, Kind: l.Type(), Up: a.Flags&net.FlagUp != 0, MTU: a.MTU, MAC: a.HardwareAddr.String(),
		link: a.ParentIndex, where: a.NetNsID, over: a.MasterIndex,
	}
	switch l := l.(type) {
	case *netlink.Macvlan:
		i.Mode = macvlanModes[l.Mode]
	case *netlink.Vlan:
		i.VLAN = l.VlanId
	case *netlink.Vxlan:
		i.VXLAN = newVXLAN(l)
		i.link = l.VtepDevIndex // IFLA_LINK is its own index
	case *netlink.Bridge:
		i.STP = spanning(a.Index)
	}
	i.Hairpin = a.MasterIndex != 0 && hairpin(a.Index)
	if a.Flags&net.FlagLoopback != 0 {
		i.Kind, i.MAC = "loopback", ""
	}
	return i
}

var macvlanModes = map[netlink.MacvlanMode]string{
	netlink.MACVLAN_MODE_BRIDGE: "bridge", netlink.MACVLAN_MODE_PASSTHRU: "passthru",
	netlink.MACVLAN_MODE_PRIVATE: "private", netlink.MACVLAN_MODE_VEPA: "vepa",
}

func newVXLAN(l *netlink.Vxlan) *VXLAN {
	local, _ := netip.AddrFromSlice(l.SrcAddr)
	remote, _ := netip.AddrFromSlice(l.Group)
	return &VXLAN{ID: l.VxlanId, Local: local.Unmap(), Remote: remote.Unmap(), Port: l.Port, Learning: l.Learning, Proxy: l.Proxy}
}
