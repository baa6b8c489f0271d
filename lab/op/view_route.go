package op

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// route is what the kernel says of a route.
type route struct {
	via         netip.Addr   // not valid when the network is on the link itself
	hops        []netip.Addr // of one with several ways
	out, metric int          // out is the index of the interface
	table       int
	mtu, advmss int  // 0 when nothing is said
	kind, by    byte // RTN_*, RTPROT_*
	scope       byte
}

// routes are those of all tables but the kernel's own, by where they lead.
type routes map[netip.Prefix][]route

// routes are the routes of a namespace.
func (k *Kernel) routes(ns string, family int) (routes, error) {
	v, err := k.view(ns)
	if err != nil {
		return nil, err
	}
	if have := v.routes[family]; have != nil {
		return have, nil
	}
	err = k.list(ns, v.routeTable(family))
	return v.routes[family], err
}

func (v *view) routeTable(family int) table {
	begin := func() { v.routes[family] = routes{} }
	return table{unix.RTM_GETROUTE, routeMessage(family, 0, 0, 0, 0), begin, func(b []byte) {
		if to, r := readRoute(b); r.table != unix.RT_TABLE_LOCAL {
			v.routes[family][to] = append(v.routes[family][to], r)
		}
	}}
}

// readRoute reads a message that begins with struct rtmsg.
func readRoute(b []byte) (to netip.Prefix, r route) {
	r = route{kind: b[7], by: b[5], scope: b[6], table: int(b[4])}
	zero := netip.IPv4Unspecified()
	if b[0] == unix.AF_INET6 {
		zero = netip.IPv6Unspecified()
	}
	to = netip.PrefixFrom(zero, int(b[1])) // no destination is sent for default
	for kind, value := range attributes(b[unix.SizeofRtMsg:]) {
		switch kind {
		case unix.RTA_TABLE:
			r.table = numberOf(value)
		case unix.RTA_DST:
			addr, _ := netip.AddrFromSlice(value)
			to = netip.PrefixFrom(addr, int(b[1]))
		case unix.RTA_GATEWAY:
			r.via, _ = netip.AddrFromSlice(value)
		case unix.RTA_OIF:
			r.out = numberOf(value)
		case unix.RTA_PRIORITY:
			r.metric = numberOf(value)
		case unix.RTA_MULTIPATH:
			r.hops = readHops(value)
		case unix.RTA_METRICS:
			r.mtu, r.advmss = numberOf(attribute(value, unix.RTAX_MTU)), numberOf(attribute(value, unix.RTAX_ADVMSS))
		}
	}
	return to, r
}

// readHops reads the gateways in a row of struct rtnexthop, each with attributes.
func readHops(b []byte) (hops []netip.Addr) {
	for len(b) >= unix.SizeofRtNexthop {
		n := int(b[0]) | int(b[1])<<8
		if n < unix.SizeofRtNexthop || n > len(b) {
			break
		}
		via, _ := netip.AddrFromSlice(attribute(b[unix.SizeofRtNexthop:n], unix.RTA_GATEWAY))
		hops = append(hops, via)
		b = b[min(len(b), (n+3)&^3):]
	}
	return hops
}
