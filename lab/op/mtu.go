package op

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// defaultMTU is that of Ethernet, which every new veth and bridge has.
const defaultMTU = 1500

// MTU is the fact that a bridge has a largest packet of its own. A bridge that
// was only created with one loses it to the smallest of its ports; one that it
// is given later stays (net/bridge/br_if.c, br_mtu_auto_adjust).
type MTU struct {
	NS, Dev string
	MTU     int
}

// Do sets it. The kernel takes no note of a value that the bridge has already.
func (m MTU) Do(k *Kernel) error {
	return m.set(k, func(h *netlink.Handle, l netlink.Link) error {
		if l.Attrs().MTU == m.MTU {
			if err := h.LinkSetMTU(l, m.MTU-1); err != nil {
				return err
			}
		}
		return h.LinkSetMTU(l, m.MTU)
	})
}

func (m MTU) set(k *Kernel, f func(*netlink.Handle, netlink.Link) error) error {
	return Up{m.NS, m.Dev}.set(k, f)
}

// Undo sets the default, if nobody has set another value since.
func (m MTU) Undo(k *Kernel) error {
	return gone(m.set(k, func(h *netlink.Handle, l netlink.Link) error {
		if l.Attrs().MTU != m.MTU {
			return nil
		}
		return h.LinkSetMTU(l, defaultMTU)
	}))
}

// Diff reads it.
func (m MTU) Diff(k *Kernel) (diff string, err error) {
	err = m.set(k, func(_ *netlink.Handle, l netlink.Link) error {
		if l.Attrs().MTU != m.MTU {
			diff = fmt.Sprintf("%s %s has mtu %d, not %d", m.Dev, place(m.NS), l.Attrs().MTU, m.MTU)
		}
		return nil
	})
	if err != nil {
		return missing(m.Dev+" "+place(m.NS), err)
	}
	return diff, nil
}

// Command is ip link set ... mtu.
func (m MTU) Command() Command { return ipLink(m.NS, "set", m.Dev, "mtu", fmt.Sprint(m.MTU)) }

// Inverse sets the default.
func (m MTU) Inverse() Command { return ipLink(m.NS, "set", m.Dev, "mtu", fmt.Sprint(defaultMTU)) }

func (m MTU) String() string { return fmt.Sprintf("%s %s has mtu %d", m.Dev, place(m.NS), m.MTU) }

// On is the interface.
func (m MTU) On() []Object { return []Object{Dev(m.NS, m.Dev)} }
