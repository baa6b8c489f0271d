package op

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// Neighbour is the fact that a namespace knows somebody's MAC address for good,
// without asking: a permanent entry of ip-neighbour(8).
type Neighbour struct {
	NS, Dev string
	Addr    netip.Addr
	MAC     string
}

func (n Neighbour) netlink(l netlink.Link) *netlink.Neigh {
	mac, _ := net.ParseMAC(n.MAC) // the file was checked
	return &netlink.Neigh{LinkIndex: l.Attrs().Index, IP: n.Addr.AsSlice(), HardwareAddr: mac, State: netlink.NUD_PERMANENT}
}

func (n Neighbour) on(k *Kernel, f func(*netlink.Handle, netlink.Link) error) error {
	return k.on(n.NS, n.Dev, f)
}

// Do sets the entry, in the place of one that was learnt.
func (n Neighbour) Do(k *Kernel) error {
	return n.on(k, func(h *netlink.Handle, l netlink.Link) error { return h.NeighSet(n.netlink(l)) })
}

// Undo deletes it, if it is still the same.
func (n Neighbour) Undo(k *Kernel) error {
	if diff, err := n.Diff(k); diff != "" || err != nil {
		return gone(err)
	}
	return gone(n.on(k, func(h *netlink.Handle, l netlink.Link) error { return h.NeighDel(n.netlink(l)) }))
}

// Diff looks for the entry.
func (n Neighbour) Diff(k *Kernel) (diff string, err error) {
	err = n.on(k, func(h *netlink.Handle, l netlink.Link) error {
		have, err := h.NeighList(l.Attrs().Index, family(n.Addr))
		if err == nil {
			diff = n.among(have)
		}
		return err
	})
	if err != nil {
		return missing(n.Dev+" "+place(n.NS), err)
	}
	return diff, nil
}

func (n Neighbour) among(have []netlink.Neigh) string {
	want := n.netlink(&netlink.Dummy{})
	for _, e := range have {
		switch {
		case !e.IP.Equal(want.IP):
		case e.State&netlink.NUD_PERMANENT == 0:
			return fmt.Sprintf("%s has only learnt %s on %s, not for good", n.NS, n.Addr, n.Dev)
		case !bytes.Equal(e.HardwareAddr, want.HardwareAddr):
			return fmt.Sprintf("%s takes %s for %s on %s, not for %s", n.NS, e.HardwareAddr, n.Addr, n.Dev, n.MAC)
		default:
			return ""
		}
	}
	return fmt.Sprintf("%s does not know %s on %s", n.NS, n.Addr, n.Dev)
}

// Command is ip neigh replace: what was learnt may be there already.
func (n Neighbour) Command() Command {
	return ip(n.NS, "neigh", "replace", n.Addr.String(), "lladdr", n.MAC, "dev", n.Dev, "nud", "permanent")
}

// Inverse is ip neigh del.
func (n Neighbour) Inverse() Command { return ip(n.NS, "neigh", "del", n.Addr.String(), "dev", n.Dev) }

func (n Neighbour) String() string {
	return fmt.Sprintf("%s knows for good that %s is %s on %s", n.NS, n.Addr, n.MAC, n.Dev)
}

// On is the interface.
func (n Neighbour) On() []Object { return []Object{Dev(n.NS, n.Dev)} }
