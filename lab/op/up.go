package op

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// Up is the fact that an interface is switched on.
type Up struct{ NS, Dev string }

func (u Up) set(k *Kernel, f func(*netlink.Handle, netlink.Link) error) error {
	return k.In(u.NS, func(h *netlink.Handle) error {
		l, err := h.LinkByName(u.Dev)
		if err != nil {
			return err
		}
		return f(h, l)
	})
}

// Do switches it on.
func (u Up) Do(k *Kernel) error {
	return u.set(k, func(h *netlink.Handle, l netlink.Link) error { return h.LinkSetUp(l) })
}

// Undo switches it off, which takes its routes and IPv6 addresses away.
func (u Up) Undo(k *Kernel) error {
	return gone(u.set(k, func(h *netlink.Handle, l netlink.Link) error { return h.LinkSetDown(l) }))
}

// Diff reads the flag that `ip link` shows as UP.
func (u Up) Diff(k *Kernel) (diff string, err error) {
	err = u.set(k, func(_ *netlink.Handle, l netlink.Link) error {
		if l.Attrs().Flags&net.FlagUp == 0 {
			diff = fmt.Sprintf("%s %s is down", u.Dev, place(u.NS))
		}
		return nil
	})
	if err != nil {
		return missing(u.Dev+" "+place(u.NS), err)
	}
	return diff, nil
}

// Command is ip link set ... up.
func (u Up) Command() Command { return ipLink(u.NS, "set", u.Dev, "up") }

// Inverse is ip link set ... down.
func (u Up) Inverse() Command { return ipLink(u.NS, "set", u.Dev, "down") }

func (u Up) String() string { return fmt.Sprintf("%s %s is up", u.Dev, place(u.NS)) }

// On is the interface.
func (u Up) On() []Object { return []Object{Dev(u.NS, u.Dev)} }
