package op

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// Addr is the fact that an interface has an address.
type Addr struct {
	NS, Dev string
	Prefix  netip.Prefix // host bits kept
}

func (a Addr) at() string { return a.NS }

// message names the address. One of IPv6 skips duplicate address detection,
// which would leave it unusable for a second.
func (a Addr) message(k *Kernel) (message, error) {
	index, err := k.index(a.NS, a.Dev)
	ip, flags := a.Prefix.Addr(), 0
	if ip.Is6() {
		flags = unix.IFA_F_NODAD
	}
	return addrMessage(family(ip), a.Prefix.Bits(), flags, index).addr(unix.IFA_LOCAL, ip).addr(unix.IFA_ADDRESS, ip), err
}

func (a Addr) requests(k *Kernel) ([]request, error) {
	m, err := a.message(k)
	return []request{{kind: unix.RTM_NEWADDR, flags: unix.NLM_F_CREATE | unix.NLM_F_EXCL, body: m}}, err
}

// Do adds the address.
func (a Addr) Do(k *Kernel) error { return k.ask(a) }

// Undo removes it.
func (a Addr) Undo(k *Kernel) error {
	m, err := a.message(k)
	if err == nil {
		err = k.send(a.NS, request{kind: unix.RTM_DELADDR, body: m})
	}
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		return nil
	}
	return gone(err)
}

// Diff looks for the address among those of the interface.
func (a Addr) Diff(k *Kernel) (string, error) {
	l, err := k.link(a.NS, a.Dev)
	if err != nil {
		return missing(a.Dev+" "+place(a.NS), err)
	}
	have, err := k.addrs(a.NS)
	if err != nil {
		return missing(a.Dev+" "+place(a.NS), err)
	}
	if !slices.Contains(have[l.index], a.Prefix) {
		return fmt.Sprintf("%s %s does not have %s", a.Dev, place(a.NS), a.Prefix), nil
	}
	return "", nil
}

// addrs are the addresses in a namespace, by the index of their interface.
func (k *Kernel) addrs(ns string) (map[int][]netip.Prefix, error) {
	v, err := k.view(ns)
	if err != nil {
		return nil, err
	}
	if v.addrs != nil {
		return v.addrs, nil
	}
	err = k.list(ns, v.addrTable())
	return v.addrs, err
}

func (v *view) addrTable() table {
	begin := func() { v.addrs = map[int][]netip.Prefix{} }
	return table{unix.RTM_GETADDR, addrMessage(unix.AF_UNSPEC, 0, 0, 0), begin, func(b []byte) {
		index, p := readAddr(b)
		v.addrs[index] = append(v.addrs[index], p)
	}}
}

// readAddr reads a message that begins with struct ifaddrmsg. Where there are
// two addresses, the one called address is that of the other end.
func readAddr(b []byte) (index int, p netip.Prefix) {
	ip := attribute(b[unix.SizeofIfAddrmsg:], unix.IFA_LOCAL)
	if ip == nil {
		ip = attribute(b[unix.SizeofIfAddrmsg:], unix.IFA_ADDRESS)
	}
	addr, _ := netip.AddrFromSlice(ip)
	return numberOf(b[4:]), netip.PrefixFrom(addr, int(b[1]))
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
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
