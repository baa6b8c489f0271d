package main

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pinger is the raw ICMP socket of a namespace, raw(7), with the questions it
// has asked and not yet heard of.
type pinger struct {
	fd      int
	asked   []netip.Addr // in this wave
	packets [][]byte
	missing map[netip.Addr]bool
}

const (
	icmpFilter  = 1 // linux/icmp.h
	echoRequest = 8
	payload     = 56 // as ping(8)
	ipHeader    = 20
	firstPause  = 50   // ms until what is lost is asked again, then twice that
	patience    = 3000 // ms
)

func newPinger() (*pinger, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMP)
	if err != nil {
		return nil, err
	}
	// Echo replies, type 0, and nothing else.
	if err := unix.SetsockoptInt(fd, unix.SOL_RAW, icmpFilter, ^1); err != nil {
		return nil, err
	}
	return &pinger{fd: fd, missing: map[netip.Addr]bool{}}, nil
}

func (p *pinger) close() { _ = unix.Close(p.fd) }

// ask prepares an echo request, RFC 792.
func (p *pinger) ask(to netip.Addr) {
	b := make([]byte, 8+payload)
	b[0] = echoRequest
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	binary.BigEndian.PutUint16(b[2:], ^uint16(sum+sum>>16))
	p.asked, p.packets = append(p.asked, to), append(p.packets, b)
	p.missing[to] = true
}

// send sends all questions with one system call, sendmmsg(2).
func (p *pinger) send() error {
	msgs := make([]mmsghdr, 0, len(p.asked))
	for i, to := range p.asked {
		if p.missing[to] {
			msgs = append(msgs, message(to, p.packets[i]))
		}
	}
	for len(msgs) > 0 {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(p.fd), uintptr(unsafe.Pointer(&msgs[0])), uintptr(len(msgs)), 0, 0, 0)
		if errno != 0 {
			return errno
		}
		msgs = msgs[n:]
	}
	return nil
}

func message(to netip.Addr, packet []byte) (m mmsghdr) {
	iov := unix.Iovec{Base: &packet[0]}
	iov.SetLen(len(packet))
	name := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: to.As4()}
	m.hdr = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&name)), Namelen: unix.SizeofSockaddrInet4, Iov: &iov}
	m.hdr.SetIovlen(1)
	return m
}

type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

// reap takes the answers: most are there already, as a packet between two
// namespaces of one kernel travels while it is being sent. What is lost, as
// other people's namespaces fill the neighbour table too, is asked again. It
// returns how many of the questions were answered before patience ended.
func (p *pinger) reap() (int, error) {
	pause := firstPause
	for waited := 0; len(p.missing) > 0; {
		if err := p.drain(); err != nil {
			return 0, err
		}
		if len(p.missing) == 0 || waited >= patience {
			break
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}, pause)
		if n == 0 && err == nil {
			waited, pause = waited+pause, 2*pause
			if err := p.send(); err != nil {
				return 0, err
			}
		}
	}
	answered := len(p.asked) - len(p.missing)
	clear(p.missing)
	return answered, nil
}

// drain reads what there is. A raw socket shows the IP header too.
func (p *pinger) drain() error {
	in := make([]byte, 256)
	for {
		n, err := unix.Read(p.fd, in)
		switch {
		case err == unix.EAGAIN:
			return nil
		case err != nil:
			return err
		case n == ipHeader+8+payload:
			delete(p.missing, netip.AddrFrom4([4]byte(in[12:16])))
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

// forget deletes a neighbour entry, arp(7).
func (p *pinger) forget(who netip.Addr) error {
	req := arpreq{address: unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: who.As4()}}
	copy(req.device[:], "eth0")
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(p.fd), unix.SIOCDARP, uintptr(unsafe.Pointer(&req)))
	if errno != 0 && errno != unix.ENXIO { // gone by itself
		return errno
	}
	return nil
}
