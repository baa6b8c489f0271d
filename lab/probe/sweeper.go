package probe

import (
	"errors"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sweeper is the raw socket of a namespace that a sweep asks from.
type sweeper struct {
	stamp
	fd     int
	seq    uint16
	flying map[uint16]flight
	met    []meeting // since the last forget
	b      []byte
}

// flight is an echo request under way.
type flight struct {
	i    int // of the assertion
	to   netip.Addr
	seq  uint16
	sent time.Time
}

// meeting is an answer: both sides have a neighbour entry of the other now,
// where they share a network.
type meeting struct {
	peer, own netip.Addr // own is not valid with IPv6
	node      string     // where the answer comes from; "" when only its address is known
}

// own is the address that the packet read last was sent to, RFC 791.
func (w *sweeper) own() netip.Addr {
	const ipv4Destination = 16
	if w.v6 {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte(w.b[ipv4Destination:]))
}

// newSweeper opens the socket where the thread is.
func newSweeper(v6 bool) (*sweeper, error) {
	domain, proto := unix.AF_INET, unix.IPPROTO_ICMP
	if v6 {
		domain, proto = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return nil, err
	}
	w := &sweeper{stamp: newStamp(v6), fd: fd, flying: map[uint16]flight{}, b: make([]byte, 1500)}
	if err := w.filter(fd); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return w, nil
}

// send says whether the kernel has taken the packet.
func (w *sweeper) send(i int, to netip.Addr) bool {
	w.seq++
	w.flying[w.seq] = flight{i, to, w.seq, time.Now()}
	if err := unix.Sendto(w.fd, w.message(w.seq), 0, sockaddr(netip.AddrPortFrom(to, 0))); err != nil {
		delete(w.flying, w.seq)
		return false
	}
	return true
}

// receive returns the next answer; ok is false when there is none.
func (w *sweeper) receive() (f flight, a Answer, ok bool) {
	for {
		n, from, err := w.read(w.fd, w.b)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return f, a, false
		}
		b, mine := w.mine(w.b[:n])
		if !mine {
			continue
		}
		if f, ok = w.flying[sequence(b)]; ok {
			return f, replied(from, time.Since(f.sent)), true
		}
	}
}

// arpreq is of linux/if_arp.h.
type arpreq struct {
	address  unix.RawSockaddrInet4
	hardware [16]byte
	flags    int32
	netmask  [16]byte
	device   [16]byte
}

// forgetARP deletes the neighbour entry of an address on the network that it
// belongs to, arp(7). By netlink it would take a socket of its own and several
// system calls.
func forgetARP(fd int, addr netip.Addr) error {
	req := arpreq{address: unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: addr.As4()}}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCDARP, uintptr(unsafe.Pointer(&req))); errno != 0 {
		return errno
	}
	return nil
}
