package discover

import (
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Neighbour is a MAC address that a namespace knows for good: a permanent entry
// of ip-neighbour(8).
type Neighbour struct {
	Address netip.Addr `json:"address"`
	MAC     string     `json:"mac"`
	Dev     string     `json:"dev"`
}

// FDB is where a vxlan sends the frames for a MAC address, see bridge(8). Zeros
// stand for all that it does not know.
type FDB struct {
	MAC string     `json:"mac"`
	Dev string     `json:"dev"`
	Dst netip.Addr `json:"dst"`
}

const forAll = "00:00:00:00:00:00"

// readTables reads what somebody has told the namespace that we are in, not
// what it has learnt.
func (n *Namespace) readTables() error {
	err := n.told(unix.AF_UNSPEC, func(i *Interface, addr netip.Addr, mac string) {
		n.Neighbours = append(n.Neighbours, Neighbour{addr, mac, i.Name})
	})
	if err != nil {
		return err
	}
	return n.told(unix.AF_BRIDGE, func(i *Interface, dst netip.Addr, mac string) {
		// the entry for all that leads to the remote is the vxlan's own
		if i.VXLAN != nil && (mac != forAll || dst != i.VXLAN.Remote) {
			n.FDB = append(n.FDB, FDB{mac, i.Name, dst})
		}
	})
}

// told goes through the permanent entries of a family.
func (n *Namespace) told(family int, f func(i *Interface, addr netip.Addr, mac string)) (err error) {
	var all []netlink.Neigh
	for range tries {
		if all, err = handle().NeighList(0, family); err == nil {
			break
		}
	}
	for _, e := range all {
		addr, ok := netip.AddrFromSlice(e.IP)
		i := n.byIndex(e.LinkIndex)
		if ok && i != nil && e.State&unix.NUD_PERMANENT != 0 && len(e.HardwareAddr) > 0 {
			f(i, addr.Unmap(), e.HardwareAddr.String())
		}
	}
	return err
}
