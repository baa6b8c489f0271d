package discover

import (
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func (n *Namespace) readRoutes() error {
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		routes, err := routes(family)
		if err != nil {
			return err
		}
		for _, r := range routes {
			if r.Protocol != unix.RTPROT_KERNEL && r.Type != unix.RTN_LOCAL && r.Type != unix.RTN_BROADCAST && r.Type != unix.RTN_MULTICAST && r.Type != unix.RTN_ANYCAST {
				n.Routes = append(n.Routes, n.newRoute(family, r))
			}
		}
	}
	return nil
}

func routes(family int) (list []netlink.Route, err error) {
	for range tries {
		if list, err = handle().RouteListFiltered(family, &netlink.Route{}, 0); err == nil {
			break
		}
	}
	return list, err
}

// defaultMetric6 is what the kernel gives a route of IPv6 that has none.
const defaultMetric6 = 1024

func (n *Namespace) newRoute(family int, r netlink.Route) Route {
	out := Route{Metric: r.Priority, To: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Kind: routeKinds[r.Type]}
	if family == unix.AF_INET6 {
		out.To = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		if r.Priority == defaultMetric6 {
			out.Metric = 0
		}
	}
	if r.Dst != nil {
		ip, _ := netip.AddrFromSlice(r.Dst.IP)
		ones, _ := r.Dst.Mask.Size()
		out.To = netip.PrefixFrom(ip.Unmap(), ones)
	}
	if via, ok := netip.AddrFromSlice(r.Gw); ok {
		out.Via = via.Unmap()
	}
	if i := n.byIndex(r.LinkIndex); i != nil {
		out.Dev = i.Name
	}
	if len(r.MultiPath) > 0 {
		out.Kind = "multipath"
	}
	return out
}

// routeKinds are those of ip-route(8) that lead nowhere.
var routeKinds = map[int]string{
	unix.RTN_BLACKHOLE: "blackhole", unix.RTN_UNREACHABLE: "unreachable", unix.RTN_PROHIBIT: "prohibit", unix.RTN_THROW: "throw",
}
