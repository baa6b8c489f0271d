package op

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Promisc is the fact that an interface takes every frame, whomever it is for:
// ip-link(8), "promisc on". The kernel also counts those who ask for it by
// themselves, such as a bridge of its ports; that is not what is meant here.
type Promisc struct{ NS, Dev string }

// Do switches it on.
func (p Promisc) Do(k *Kernel) error {
	return Up(p).set(k, func(h *netlink.Handle, l netlink.Link) error { return h.SetPromiscOn(l) })
}

// Undo switches it off.
func (p Promisc) Undo(k *Kernel) error {
	return gone(Up(p).set(k, func(h *netlink.Handle, l netlink.Link) error { return h.SetPromiscOff(l) }))
}

// Diff reads the flag that `ip link` shows as PROMISC.
func (p Promisc) Diff(k *Kernel) (diff string, err error) {
	err = Up(p).set(k, func(_ *netlink.Handle, l netlink.Link) error {
		if l.Attrs().RawFlags&unix.IFF_PROMISC == 0 {
			diff = fmt.Sprintf("%s %s is not promiscuous", p.Dev, place(p.NS))
		}
		return nil
	})
	if err != nil {
		return missing(p.Dev+" "+place(p.NS), err)
	}
	return diff, nil
}

// Command is ip link set ... promisc on.
func (p Promisc) Command() Command { return ipLink(p.NS, "set", p.Dev, "promisc", "on") }

// Inverse is ip link set ... promisc off.
func (p Promisc) Inverse() Command { return ipLink(p.NS, "set", p.Dev, "promisc", "off") }

func (p Promisc) String() string { return fmt.Sprintf("%s %s is promiscuous", p.Dev, place(p.NS)) }

// On is the interface.
func (p Promisc) On() []Object { return []Object{Dev(p.NS, p.Dev)} }
