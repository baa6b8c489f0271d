package main

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"nslab/lab/bench/shape"
)

// linux/if_link.h and linux/veth.h, as far as x/sys has not got it.
const (
	vethInfoPeer    = 1
	addrGenModeNone = 1
)

const newLink = unix.NLM_F_CREATE | unix.NLM_F_EXCL

// bridge makes the switch, down. An address of its own keeps it from taking
// that of each new port.
func (b *builder) bridge() {
	b.b.begin(unix.RTM_NEWLINK, newLink, link(unix.IfInfomsg{Index: bridgeIndex}))
	b.b.text(unix.IFLA_IFNAME, shape.Switch)
	b.b.u32(unix.IFLA_GROUP, group)
	b.b.attr(unix.IFLA_ADDRESS, []byte{2, 0, 0, 0, 0, 1})
	b.b.nest(unix.IFLA_LINKINFO, func() { b.b.text(unix.IFLA_INFO_KIND, "bridge") })
	b.quiet(bridgeIndex)
}

// veth makes both ends of a cable, each born in its namespace, with one queue.
// peer is the namespace of the second, as a descriptor.
func (b *builder) veth(l shape.Link, index, peer int) {
	b.b.begin(unix.RTM_NEWLINK, newLink, link(unix.IfInfomsg{Index: int32(index)}))
	b.named(l.A)
	b.b.nest(unix.IFLA_LINKINFO, func() {
		b.b.text(unix.IFLA_INFO_KIND, "veth")
		b.b.nest(unix.IFLA_INFO_DATA, func() {
			b.b.nestAt(vethInfoPeer|unix.NLA_F_NESTED, link(unix.IfInfomsg{Index: int32(index + 1)}), func() {
				b.named(l.B)
				b.b.u32(unix.IFLA_NET_NS_FD, uint32(peer))
			})
		})
	})
}

func (b *builder) named(e shape.End) {
	b.b.text(unix.IFLA_IFNAME, e.Name)
	b.b.u32(unix.IFLA_NUM_TX_QUEUES, 1)
	b.b.u32(unix.IFLA_NUM_RX_QUEUES, 1)
	if e.Node == shape.Host {
		b.b.u32(unix.IFLA_GROUP, group)
	}
}

// end sets an end of a cable up: as a port of the switch, or with an address.
func (b *builder) end(e shape.End, index int) {
	b.quiet(index)
	if e.Addr.IsValid() {
		b.up(index, 0)
		b.addr(index, e.Addr)
	} else {
		b.up(index, bridgeIndex)
	}
}

// quiet keeps an interface from making itself an IPv6 address, and from
// telling all others about it. It must come before the interface is up.
func (b *builder) quiet(index int) {
	b.b.begin(unix.RTM_SETLINK, 0, link(unix.IfInfomsg{Index: int32(index)}))
	b.b.nest(unix.IFLA_AF_SPEC, func() {
		b.b.nest(unix.AF_INET6, func() { b.b.attr(unix.IFLA_INET6_ADDR_GEN_MODE, []byte{addrGenModeNone}) })
	})
}

// up switches an interface on, in a switch if master is not 0.
func (b *builder) up(index, master int) {
	b.b.begin(unix.RTM_SETLINK, 0, link(unix.IfInfomsg{Index: int32(index), Flags: unix.IFF_UP, Change: unix.IFF_UP}))
	if master != 0 {
		b.b.u32(unix.IFLA_MASTER, uint32(master))
	}
}

func (b *builder) addr(index int, p netip.Prefix) {
	b.b.begin(unix.RTM_NEWADDR, newLink, address(unix.IfAddrmsg{
		Family: unix.AF_INET, Prefixlen: uint8(p.Bits()), Index: uint32(index),
	}))
	b.b.attr(unix.IFA_LOCAL, p.Addr().AsSlice())
	b.b.attr(unix.IFA_ADDRESS, p.Addr().AsSlice())
}

func (b *builder) routes(n shape.Node) {
	for _, r := range n.Routes {
		b.route(r)
	}
	if n.Gateway.IsValid() {
		b.route(shape.Route{To: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Via: n.Gateway})
	}
}

func (b *builder) route(r shape.Route) {
	b.b.begin(unix.RTM_NEWROUTE, newLink, route(unix.RtMsg{
		Family: unix.AF_INET, Dst_len: uint8(r.To.Bits()), Table: unix.RT_TABLE_MAIN,
		Protocol: unix.RTPROT_BOOT, Scope: unix.RT_SCOPE_UNIVERSE, Type: unix.RTN_UNICAST,
	}))
	if r.To.Bits() > 0 {
		b.b.attr(unix.RTA_DST, r.To.Addr().AsSlice())
	}
	b.b.attr(unix.RTA_GATEWAY, r.Via.AsSlice())
}
