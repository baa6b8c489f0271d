package cni

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/lab/op"
	"nslab/topology"
)

// cableFacts are true of the cable: ADD makes them, CHECK looks at them.
func (r *request) cableFacts(mac string) ([]fact, error) {
	cable, err := r.cable(mac)
	if err != nil {
		return nil, err
	}
	dev, k := r.hostEnd(), r.as(r.owner())
	facts := []fact{{cable, k}}
	if r.conf.MACSpoofChk { // before there is a way into the bridge
		own := cmp.Or(mac, k.MAC(r.netns, r.IfName).String())
		facts = append(facts, fact{op.SourceMAC{NS: topology.Host, Dev: dev, MAC: own}, k})
	}
	facts = append(facts, fact{op.Master{NS: topology.Host, Dev: dev, Bridge: r.conf.Bridge}, k})
	if r.conf.HairpinMode {
		facts = append(facts, fact{op.Hairpin{NS: topology.Host, Dev: dev, Bridge: r.conf.Bridge}, k})
	}
	return append(facts,
		fact{op.Up{NS: topology.Host, Dev: dev}, k},
		fact{op.Up{NS: r.netns, Dev: r.IfName}, k},
	), nil
}

// layer3 is what an attachment has of addresses.
type layer3 struct {
	addrs  []address
	routes []types.Route
	metric []int // of each route
}

// address is one of the container's, with the gateway of its network, if any.
type address struct {
	netip.Prefix
	gateway netip.Addr
}

// layer3 reads the result of an IPAM plugin, or the part of a previous result
// that is about this attachment.
func (r *request) layer3(given *current.Result) *layer3 {
	l := &layer3{}
	for _, ip := range given.IPs {
		a := address{Prefix: prefixOf(ip.Address)}
		if gw, ok := netip.AddrFromSlice(ip.Gateway); ok {
			a.gateway = gw.Unmap()
		} else if r.conf.IsGateway {
			a.gateway = a.Masked().Addr().Next()
		}
		l.addrs = append(l.addrs, a)
	}
	for _, route := range given.Routes {
		l.routes = append(l.routes, *route)
	}
	if r.conf.IsDefaultGateway {
		l.addDefaults()
	}
	return l
}

// addDefaults adds the default route of each family where there is none.
func (l *layer3) addDefaults() {
	for _, a := range l.addrs {
		has := false
		for _, route := range l.routes {
			to := prefixOf(route.Dst)
			has = has || to.Bits() == 0 && to.Addr().Is4() == a.Addr().Is4()
		}
		if !has {
			l.routes = append(l.routes, types.Route{Dst: *ipNet(netip.PrefixFrom(unspecified(a.Addr()), 0)), GW: a.gateway.AsSlice()})
		}
	}
}

func unspecified(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// via is the gateway of a route: the one it names, else that of an address of
// its family, unless it leads no farther than the link.
func (l *layer3) via(route types.Route) netip.Addr {
	if gw, ok := netip.AddrFromSlice(route.GW); ok {
		return gw.Unmap()
	}
	if route.Scope != nil && *route.Scope >= unix.RT_SCOPE_LINK {
		return netip.Addr{}
	}
	for _, a := range l.addrs {
		if a.Addr().Is4() == prefixOf(route.Dst).Addr().Is4() {
			return a.gateway
		}
	}
	return netip.Addr{}
}

// facts are true of the container's end, and of the host for its sake alone.
// An address is masqueraded before the container has it.
func (l *layer3) facts(r *request) []fact {
	k := r.as(r.owner())
	var facts []fact
	for _, a := range l.addrs {
		if r.conf.IPMasq {
			facts = append(facts, fact{op.Masquerade{
				NS: topology.Host, From: netip.PrefixFrom(a.Addr(), a.Addr().BitLen()), OutDev: "!" + r.conf.Bridge, New: true,
			}, k})
		}
	}
	for _, a := range l.addrs {
		facts = append(facts, fact{op.Addr{NS: r.netns, Dev: r.IfName, Prefix: a.Prefix}, k})
	}
	for i, route := range l.routes {
		facts = append(facts, fact{l.route(r, route, l.metric[i]), k})
	}
	return append(facts, l.published(r)...)
}

// route is the fact of a route: its options are those of version 1.1.0.
func (l *layer3) route(r *request, route types.Route, metric int) op.Route {
	o := op.Route{
		NS: r.netns, To: prefixOf(route.Dst).Masked(), Via: l.via(route), Dev: r.IfName, Out: r.IfName, Metric: metric,
		MTU: route.MTU, AdvMSS: route.AdvMSS,
	}
	if route.Table != nil && *route.Table != unix.RT_TABLE_MAIN {
		o.Table = *route.Table
	}
	if route.Scope != nil {
		o.Scope = op.ScopeName(*route.Scope)
	}
	return o
}

// settings are those of the host that every attachment shares.
func (l *layer3) settings(r *request) []fact {
	var facts []fact
	for _, a := range l.addrs {
		if r.conf.IsGateway {
			facts = append(facts, fact{forwarding(a.Addr()), r.bridgeOwner()})
		}
	}
	for _, p := range r.ports {
		if slices.ContainsFunc(l.targets(), func(to netip.Prefix) bool { return p.local(to.Addr()) }) {
			return append(facts, fact{r.localnet(), r.bridgeOwner()})
		}
	}
	return facts
}

// gateways are the addresses of the bridge.
func (l *layer3) gateways(r *request) []fact {
	if !r.conf.IsGateway {
		return nil
	}
	var facts []fact
	for _, a := range l.addrs {
		facts = append(facts, fact{op.Addr{
			NS: topology.Host, Dev: r.conf.Bridge, Prefix: netip.PrefixFrom(a.gateway, a.Bits()),
		}, r.bridgeOwner()})
	}
	return facts
}

// room finds a metric for each route. A container may be in several networks,
// each of which has a default route: the first one keeps the way it has, the
// others come after it. A route that is there already is this attachment's.
func (l *layer3) room(r *request) error {
	l.metric = make([]int, len(l.routes))
	return r.kernel.In(r.netns, func(h *netlink.Handle) error {
		own, err := h.LinkByName(r.IfName)
		if err != nil {
			return err
		}
		for i, route := range l.routes {
			if l.metric[i] = route.Priority; route.Priority != 0 {
				continue
			}
			if l.metric[i], err = freeMetric(h, l.route(r, route, 0), own.Attrs().Index); err != nil {
				return err
			}
		}
		return nil
	})
}

// freeMetric is the lowest metric that no route to the same network has. 0 is
// the one that the kernel takes by itself: for IPv6, 1024.
func freeMetric(h *netlink.Handle, r op.Route, dev int) (int, error) {
	family, base, to := netlink.FAMILY_V4, 0, r.To.String()
	if r.To.Addr().Is6() {
		family, base = netlink.FAMILY_V6, 1024
	}
	routes, err := h.RouteListFiltered(family, &netlink.Route{Table: cmp.Or(r.Table, unix.RT_TABLE_MAIN)}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return 0, err
	}
	taken := map[int]bool{}
	for _, have := range routes {
		if have.Dst != nil && have.Dst.String() != to || have.Dst == nil && to != "0.0.0.0/0" && to != "::/0" {
			continue
		}
		if gw, _ := netip.AddrFromSlice(have.Gw); gw.Unmap() == r.Via && have.LinkIndex == dev {
			return unsaid(have.Priority, base), nil
		}
		taken[have.Priority] = true
	}
	m := base
	for taken[m] {
		m++
	}
	return unsaid(m, base), nil
}

func unsaid(metric, base int) int {
	if metric == base {
		return 0
	}
	return metric
}
