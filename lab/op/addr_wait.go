package op

import (
	"context"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// Wait returns when packets to the address are taken in. With IPv4 they are at
// once. For IPv6 the kernel makes the route to the address itself later, in a
// work queue (addrconf_dad_work in net/ipv6/addrconf.c), also where there is no
// duplicate address detection; until then it answers nobody.
func (a Addr) Wait(ctx context.Context, k *Kernel) error {
	if a.Prefix.Addr().Is4() {
		return nil
	}
	of := ofLinks(a.Dev)
	news := func(kind uint16, body []byte) bool { return kind == unix.RTM_NEWROUTE || of(kind, body) }
	return k.await(ctx, a.NS, news, func() (bool, error) { return a.local(k) })
}

// local says whether there is nothing to wait for: the address is one of the
// namespace's own, or it cannot be, because its interface does not work, or the
// kernel has taken it away again.
func (a Addr) local(k *Kernel) (bool, error) {
	own, err := k.own(a.NS)
	if err != nil || own[a.Prefix.Addr()] {
		return true, err
	}
	l, err := k.link(a.NS, a.Dev)
	if err != nil || l.flags&live != live || l.state != operUp && l.state != operUnknown {
		return true, err
	}
	have, err := k.addrs(a.NS)
	return !slices.Contains(have[l.index], a.Prefix), err
}

// own are the IPv6 addresses for which a namespace takes packets in.
func (k *Kernel) own(ns string) (map[netip.Addr]bool, error) {
	v, err := k.view(ns)
	if err != nil {
		return nil, err
	}
	if v.own != nil {
		return v.own, nil
	}
	err = k.list(ns, v.ownTable())
	return v.own, err
}

// ownTable is the list of all routes, of which those matter that end here.
func (v *view) ownTable() table {
	begin := func() { v.own = map[netip.Addr]bool{} }
	return table{unix.RTM_GETROUTE, routeMessage(unix.AF_INET6, 0, 0, 0, 0), begin, func(b []byte) {
		if to, r := readRoute(b); r.kind == unix.RTN_LOCAL {
			v.own[to.Addr()] = true
		}
	}}
}
