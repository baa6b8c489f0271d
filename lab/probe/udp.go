package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/op"
)

// udp sends a datagram that nobody can guess and wants it back: an echo
// server (RFC 862) has to listen there.
type udp struct {
	from string
	to   target
	port uint16
}

func readUDP(r *reader) []Probe {
	from := r.place("from")
	to, port := r.service(from, "to")
	return []Probe{udp{from, to, port}}
}

func (p udp) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

func (p udp) ask(ctx context.Context, r *rig, pat patience) Answer {
	release, err := r.slot(ctx)
	if err != nil {
		return broken(err)
	}
	defer release()
	to := netip.AddrPortFrom(p.to.addr, p.port)
	s, err := r.open(born{p.from, p.to.addr.Is6()}, unix.SOCK_DGRAM, 0)
	if err != nil {
		return broken(err)
	}
	defer s.Close()
	if err := s.control(func(fd int) error { return unix.Connect(fd, sockaddr(to)) }); err != nil {
		return unsent(p.from, p.to.addr, err)
	}
	nonce := []byte(rand.Text())
	send := func() (Answer, bool) { return s.datagram(p.from, to, nonce) }
	if a, ok := send(); ok {
		return a
	}
	answers, start := make(chan Answer, 1), time.Now()
	go func() { answers <- s.echoed(p.from, to, nonce, start) }()
	return r.await(ctx, question{from: p.from, to: p.to.addr, answers: answers, again: send, patience: pat})
}

// datagram sends; an error that an earlier datagram met is an answer too.
func (s *socket) datagram(from string, to netip.AddrPort, b []byte) (Answer, bool) {
	err := s.control(func(fd int) error { return unix.Send(fd, b, 0) })
	if err == nil || errors.Is(err, unix.EAGAIN) {
		return Answer{}, false
	}
	return s.refusal(from, to, err), true
}

// echoed waits until the datagram comes back, or an error about it.
func (s *socket) echoed(from string, to netip.AddrPort, nonce []byte, start time.Time) (a Answer) {
	b := make([]byte, 1500)
	err := s.reading(func(fd int) bool {
		n, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return false
		case err != nil:
			a = s.refusal(from, to, err)
		case string(b[:n]) == string(nonce):
			a = Answer{Outcome: Reply, RTT: time.Since(start), Text: fmt.Sprintf("%s sends it back", to)}
		default:
			a = Answer{Outcome: Reply, RTT: time.Since(start), Text: fmt.Sprintf("%s answers, though not with what was sent", to)}
		}
		return true
	})
	if err != nil {
		return broken(err)
	}
	return a
}

func (p udp) Command() op.Command {
	return inside(p.from, "sh", "-c", fmt.Sprintf("echo hello | nc -u -w1 %s %d", p.to.addr, p.port))
}

func (p udp) String() string {
	return fmt.Sprintf("%s reaches UDP port %d of %s", p.from, p.port, p.to)
}

func (p udp) Nodes() []string { return p.to.nodes(p.from) }
