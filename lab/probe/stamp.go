package probe

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// stamp tells the echo requests of a socket from those of others: an
// identifier, and a nonce in the payload. Which ping an answer belongs to says
// its sequence number.
type stamp struct {
	v6    bool
	id    uint16
	nonce [8]byte
}

// pingSize is the payload of ping(8).
const pingSize = 56

func newStamp(v6 bool) stamp {
	s := stamp{v6: v6}
	var id [2]byte
	_, _ = rand.Read(id[:]) // never fails
	_, _ = rand.Read(s.nonce[:])
	s.id = binary.BigEndian.Uint16(id[:])
	return s
}

// filter lets only echo replies in, raw(7) and RFC 3542. The larger receive
// buffer is for answers of many at once.
func (s stamp) filter(fd int) error {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1<<20)
	if !s.v6 {
		const icmpFilter = 1 // linux/icmp.h
		return unix.SetsockoptInt(fd, unix.SOL_RAW, icmpFilter, ^(1 << int(ipv4.ICMPTypeEchoReply)))
	}
	var f unix.ICMPv6Filter
	for i := range f.Data {
		f.Data[i] = ^uint32(0)
	}
	reply := int(ipv6.ICMPTypeEchoReply)
	f.Data[reply/32] &^= 1 << (reply % 32)
	return unix.SetsockoptICMPv6Filter(fd, unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &f)
}

// message is an echo request. The kernel adds the checksum of ICMPv6.
func (s stamp) message(seq uint16) []byte {
	b := make([]byte, 8+pingSize)
	b[0] = byte(ipv4.ICMPTypeEcho)
	if s.v6 {
		b[0] = byte(ipv6.ICMPTypeEchoRequest)
	}
	binary.BigEndian.PutUint16(b[4:], s.id)
	binary.BigEndian.PutUint16(b[6:], seq)
	copy(b[8:], s.nonce[:])
	if !s.v6 {
		binary.BigEndian.PutUint16(b[2:], checksum(b))
	}
	return b
}

// checksum is that of the Internet, RFC 1071, of an even number of bytes.
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 0; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// ipv4Source is where the sender stands in an IPv4 header, RFC 791.
const ipv4Source = 12

// read takes a packet from the socket. A raw IPv4 socket shows the IP header,
// which has the sender.
func (s stamp) read(fd int, b []byte) (n int, from netip.Addr, err error) {
	if s.v6 {
		n, sa, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
		if a, ok := sa.(*unix.SockaddrInet6); ok {
			from = netip.AddrFrom16(a.Addr)
		}
		return n, from, err
	}
	n, err = unix.Read(fd, b)
	if n >= ipv4Source+4 {
		from = netip.AddrFrom4([4]byte(b[ipv4Source:]))
	}
	return n, from, err
}

// mine returns the ICMP message of a packet, and whether it answers one of ours.
func (s stamp) mine(b []byte) ([]byte, bool) {
	if !s.v6 {
		if len(b) == 0 || len(b) < int(b[0]&0xf)*4 {
			return nil, false
		}
		b = b[int(b[0]&0xf)*4:]
	}
	return b, len(b) >= 16 && [8]byte(b[8:16]) == s.nonce && s.asked(b)
}

// asked says whether an ICMP message has our identifier: type, code, checksum,
// identifier, sequence number.
func (s stamp) asked(b []byte) bool {
	return len(b) >= 8 && binary.BigEndian.Uint16(b[4:]) == s.id
}

func sequence(b []byte) uint16 { return binary.BigEndian.Uint16(b[6:]) }

func replied(from netip.Addr, rtt time.Duration) Answer {
	return Answer{Outcome: Reply, RTT: rtt, Text: fmt.Sprintf("from %s in %s", from, rtt.Round(10*time.Microsecond))}
}
