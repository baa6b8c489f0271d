package op

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Addr is the fact that an interface has an address.
type Addr struct {
	NS, Dev string
	Prefix  netip.Prefix // host bits kept
}

// netlink form. The library would invent a broadcast address, ip-address(8)
// does not; an IPv6 address skips duplicate address detection, which would
// leave it unusable for a second.
func (a Addr) netlink() *netlink.Addr {
	addr := &netlink.Addr{IPNet: ipNet(a.Prefix), Broadcast: net.IPv4zero}
	if a.Prefix.Addr().Is6() {
		addr.Broadcast, addr.Flags = nil, unix.IFA_F_NODAD
	}
	return addr
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func (a Addr) on(k *Kernel, f func(*netlink.Handle, netlink.Link) error) error {
	return Up{a.NS, a.Dev}.set(k, f)
}

// Do adds the address.
func (a Addr) Do(k *Kernel) error {
	return a.on(k, func(h *netlink.Handle, l netlink.Link) error { return h.AddrAdd(l, a.netlink()) })
}

// Undo removes it.
func (a Addr) Undo(k *Kernel) error {
	err := a.on(k, func(h *netlink.Handle, l netlink.Link) error {
		return h.AddrDel(l, &netlink.Addr{IPNet: ipNet(a.Prefix)})
	})
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		return nil
	}
	return gone(err)
}

// Diff looks for the address among those of the interface.
func (a Addr) Diff(k *Kernel) (diff string, err error) {
	err = a.on(k, func(h *netlink.Handle, l netlink.Link) error {
		have, err := h.AddrList(l, family(a.Prefix.Addr()))
		if err != nil {
			return err
		}
		diff = a.among(have)
		return nil
	})
	if err != nil {
		return missing(a.Dev+" "+place(a.NS), err)
	}
	return diff, nil
}

func (a Addr) among(have []netlink.Addr) string {
	want := ipNet(a.Prefix)
	for _, h := range have {
		if h.IPNet.String() == want.String() {
			return ""
		}
	}
	return fmt.Sprintf("%s %s does not have %s", a.Dev, place(a.NS), a.Prefix)
}

func family(a netip.Addr) int {
	if a.Is4() {
		return netlink.FAMILY_V4
	}
	return netlink.FAMILY_V6
}

// Command is ip addr add.
func (a Addr) Command() Command {
	c := ip(a.NS, "addr", "add", a.Prefix.String(), "dev", a.Dev)
	if a.Prefix.Addr().Is6() {
		c = append(c, "nodad")
	}
	return c
}

// Inverse is ip addr del.
func (a Addr) Inverse() Command { return ip(a.NS, "addr", "del", a.Prefix.String(), "dev", a.Dev) }

func (a Addr) String() string { return fmt.Sprintf("%s %s has %s", a.Dev, place(a.NS), a.Prefix) }

// On is the interface.
func (a Addr) On() []Object { return []Object{Dev(a.NS, a.Dev)} }
