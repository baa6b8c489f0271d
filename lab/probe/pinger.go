package probe

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// pinger is the raw ICMP socket of a namespace, shared by all its pings. An
// answer belongs to the ping whose sequence number it carries; the identifier
// and a nonce in the payload tell it from the pings of others.
type pinger struct {
	*socket
	id    int
	nonce [8]byte
	users int // under rig.mu

	sending sync.Mutex
	mu      sync.Mutex
	seq     uint16
	waiting map[uint16]*echo
}

// echo is one ping with the echo requests it has sent.
type echo struct {
	to      netip.Addr
	answers chan Answer
	sent    map[uint16]time.Time
}

// pingSize is the payload of ping(8).
const pingSize = 56

// pinger returns the shared socket of a namespace; release it when done.
func (r *rig) pinger(at born) (*pinger, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pingers[at]
	if p == nil {
		var err error
		if p, err = r.newPinger(at); err != nil {
			return nil, err
		}
		r.pingers[at] = p
	}
	p.users++
	return p, nil
}

func (r *rig) release(at born, p *pinger) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.users--
	if p.users == 0 && len(r.pingers) > maxKept {
		p.close()
		delete(r.pingers, at)
	}
}

func (r *rig) newPinger(at born) (*pinger, error) {
	proto := unix.IPPROTO_ICMP
	if at.v6 {
		proto = unix.IPPROTO_ICMPV6
	}
	s, err := r.open(at, unix.SOCK_RAW, proto)
	if err != nil {
		return nil, err
	}
	p := &pinger{socket: s, waiting: map[uint16]*echo{}}
	var id [2]byte
	_, _ = rand.Read(id[:]) // never fails
	_, _ = rand.Read(p.nonce[:])
	p.id = int(binary.BigEndian.Uint16(id[:]))
	if err := s.control(p.filter); err != nil {
		s.Close()
		return nil, err
	}
	go func() { _ = p.reading(p.drain) }() // ends when the socket is closed
	return p, nil
}

func (p *pinger) close() { _ = p.Close() }

// filter lets only echo replies in, raw(7) and RFC 3542. The larger receive
// buffer is for answers of many at once.
func (p *pinger) filter(fd int) error {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1<<20)
	if !p.v6 {
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

// echo prepares a ping.
func (p *pinger) echo(to netip.Addr) *echo {
	return &echo{to: to, answers: make(chan Answer, 1), sent: map[uint16]time.Time{}}
}

// forget ends a ping: what still comes for it is dropped.
func (p *pinger) forget(e *echo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for seq := range e.sent {
		delete(p.waiting, seq)
	}
}

// send sends one echo request. An error of an earlier packet lies in wait on
// the socket and would be taken for this one's, so a refusal counts only when
// it is said again.
func (p *pinger) send(e *echo) error {
	seq := p.expect(e)
	b, err := p.message(seq)
	if err != nil {
		return err
	}
	p.sending.Lock()
	defer p.sending.Unlock()
	return p.control(func(fd int) error {
		for range 5 {
			if err = unix.Sendto(fd, b, 0, sockaddr(netip.AddrPortFrom(e.to, 0))); err == nil {
				return nil
			}
		}
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS) {
			return nil // as good as lost on the way; the next one will follow
		}
		return err
	})
}

func (p *pinger) expect(e *echo) uint16 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.seq++; p.waiting[p.seq] != nil; {
		p.seq++
	}
	p.waiting[p.seq], e.sent[p.seq] = e, time.Now()
	return p.seq
}

func (p *pinger) message(seq uint16) ([]byte, error) {
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: p.id, Seq: int(seq), Data: p.payload()}}
	if p.v6 {
		m.Type = ipv6.ICMPTypeEchoRequest // the kernel adds the checksum
	}
	return m.Marshal(nil)
}

func (p *pinger) payload() []byte {
	b := make([]byte, pingSize)
	copy(b, p.nonce[:])
	return b
}

// drain reads all there is; it never says done.
func (p *pinger) drain(fd int) bool {
	b := make([]byte, 1500)
	for {
		c, failed := p.complaint(fd)
		if failed {
			p.settle(c.payload, c.answer(), time.Now())
		}
		n, from, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
		if err == nil {
			p.reply(b[:n], from, time.Now())
		}
		if !failed && errors.Is(err, unix.EAGAIN) {
			return false
		}
	}
}

// reply reads an echo reply; a raw IPv4 socket shows the IP header as well.
func (p *pinger) reply(b []byte, from unix.Sockaddr, now time.Time) {
	if !p.v6 {
		if len(b) == 0 || len(b) < int(b[0]&0xf)*4 {
			return
		}
		b = b[int(b[0]&0xf)*4:]
	}
	if len(b) < 16 || [8]byte(b[8:16]) != p.nonce {
		return
	}
	p.settle(b, Answer{Outcome: Reply, Text: "from " + sender(from).String()}, now)
}

func sender(sa unix.Sockaddr) netip.Addr {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(a.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(a.Addr)
	}
	return netip.Addr{}
}

// settle hands an answer to the ping it belongs to. b begins with the ICMP
// header: type, code, checksum, identifier, sequence number.
func (p *pinger) settle(b []byte, a Answer, now time.Time) {
	if len(b) < 8 || int(binary.BigEndian.Uint16(b[4:])) != p.id {
		return
	}
	seq := binary.BigEndian.Uint16(b[6:])
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.waiting[seq]
	if e == nil {
		return
	}
	if a.Outcome == Reply {
		a.RTT = now.Sub(e.sent[seq])
		a.Text = fmt.Sprintf("%s in %s", a.Text, a.RTT.Round(10*time.Microsecond))
	}
	select {
	case e.answers <- a:
	default: // it has one already
	}
}
