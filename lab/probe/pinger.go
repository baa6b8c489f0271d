package probe

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// pinger is the raw ICMP socket of a namespace, shared by all its pings. An
// answer belongs to the ping whose sequence number it carries.
type pinger struct {
	*socket
	stamp
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
	p := &pinger{socket: s, stamp: newStamp(at.v6), waiting: map[uint16]*echo{}}
	if err := s.control(p.filter); err != nil {
		s.Close()
		return nil, err
	}
	go func() { _ = p.reading(p.drain) }() // ends when the socket is closed
	return p, nil
}

func (p *pinger) close() { _ = p.Close() }

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
	b := p.message(p.expect(e))
	p.sending.Lock()
	defer p.sending.Unlock()
	return p.control(func(fd int) (err error) {
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

// drain reads all there is; it never says done.
func (p *pinger) drain(fd int) bool {
	b := make([]byte, 1500)
	for {
		c, failed := p.complaint(fd)
		if failed && p.asked(c.payload) {
			p.settle(sequence(c.payload), func(time.Duration) Answer { return c.answer() })
		}
		n, from, err := p.read(fd, b)
		if err == nil {
			if m, mine := p.mine(b[:n]); mine {
				p.settle(sequence(m), func(rtt time.Duration) Answer { return replied(from, rtt) })
			}
		}
		if !failed && errors.Is(err, unix.EAGAIN) {
			return false
		}
	}
}

// settle hands an answer to the ping it belongs to.
func (p *pinger) settle(seq uint16, answer func(rtt time.Duration) Answer) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.waiting[seq]
	if e == nil {
		return
	}
	select {
	case e.answers <- answer(now.Sub(e.sent[seq])):
	default: // it has one already
	}
}
