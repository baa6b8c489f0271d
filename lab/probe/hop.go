package probe

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// hop is the neighbour that a packet goes to first, and what the kernel knows
// of it.
type hop struct {
	addr  netip.Addr
	dev   string
	state int // NUD_*, ip-neighbour(8); 0 when there is no entry
}

// pending says that the kernel still asks for the neighbour's address and
// keeps the packet back.
func (h hop) pending() bool { return h.state == netlink.NUD_INCOMPLETE }

// failed says that nobody answered. The kernel reports this with an ICMP
// message to itself, which needs lo to be up: in a namespace whose lo is down
// the neighbour table is the only witness.
func (h hop) failed() bool { return h.state == netlink.NUD_FAILED }

func (h hop) who() string {
	if h.addr.Is6() {
		return "the neighbour solicitations for " + h.addr.String() + " on " + h.dev
	}
	return "ARP for " + h.addr.String() + " on " + h.dev
}

// nextHop looks up where packets of ns to an address go. Without an answer it
// is the zero hop: the packet is then taken to have left.
func (r *rig) nextHop(ns string, to netip.Addr) (h hop) {
	_ = r.inside(ns, func() (err error) {
		h, err = lookHop(&netlink.Handle{}, to)
		return err
	})
	return h
}

func lookHop(n *netlink.Handle, to netip.Addr) (hop, error) {
	routes, err := n.RouteGet(to.AsSlice())
	if err != nil || len(routes) == 0 {
		return hop{}, err
	}
	next := to
	if gw, ok := netip.AddrFromSlice(routes[0].Gw); ok {
		next = gw.Unmap()
	}
	link, err := n.LinkByIndex(routes[0].LinkIndex)
	if err != nil {
		return hop{}, err
	}
	entries, err := n.NeighList(routes[0].LinkIndex, family(next))
	if err != nil {
		return hop{}, err
	}
	for _, e := range entries {
		if e.IP.Equal(net.IP(next.AsSlice())) {
			return hop{next, link.Attrs().Name, e.State}, nil
		}
	}
	return hop{}, nil
}

func family(a netip.Addr) int {
	if a.Is6() {
		return netlink.FAMILY_V6
	}
	return netlink.FAMILY_V4
}
