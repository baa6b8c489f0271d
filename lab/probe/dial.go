package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// synOnce is how long a connection may be tried before TCP repeats its SYN,
// RFC 6298 (2.1).
const synOnce = 900 * time.Millisecond

// dial connects a TCP socket from a namespace. The socket is nil unless the
// answer is a reply. Where the complaint of a router is waited for, TCP must
// not press it by repeating its SYN: the connection is given up before, and
// tried again when it is its turn.
func (r *rig) dial(ctx context.Context, from string, to netip.AddrPort, pat patience) (*socket, Answer) {
	start := time.Now()
	first := pat
	if pat.errors {
		first.errors, first.listen = false, min(pat.listen, synOnce)
	}
	s, a := r.try(ctx, from, to, first)
	for presses := maxPresses; pat.errors && a.Outcome == NoReply && presses > 0; {
		d := r.turn(from, start)
		switch {
		case pat.over(start, d):
			return s, a
		case d > 0:
			if !wait(ctx, d) {
				return nil, interrupted(ctx)
			}
		default:
			presses--
			s, a = r.try(ctx, from, to, patience{listen: synOnce, limit: synOnce})
		}
	}
	return s, a
}

// try is one connection.
func (r *rig) try(ctx context.Context, from string, to netip.AddrPort, pat patience) (*socket, Answer) {
	s, err := r.open(born{from, to.Addr().Is6()}, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, broken(err)
	}
	a := r.handshake(ctx, s, from, to, pat)
	if a.Outcome != Reply {
		s.Close()
		return nil, a
	}
	return s, a
}

// handshake connects a socket. Who closes it ends it.
func (r *rig) handshake(ctx context.Context, s *socket, from string, to netip.AddrPort, pat patience) Answer {
	answers := make(chan Answer, 1)
	go func() { answers <- s.connect(from, to) }() // ends at the latest when the socket is closed
	return r.await(ctx, question{from: from, to: to.Addr(), answers: answers, patience: pat})
}

// connect waits for the end of the handshake. The poller may wake it early, so
// it asks connect(2) itself how things stand. An ICMP error that comes back
// while connect still runs, as it does over a veth, leaves nothing but an entry
// in the error queue: the kernel would go on trying.
func (s *socket) connect(from string, to netip.AddrPort) Answer {
	start := time.Now()
	var err error
	var c complaint
	var said bool
	werr := s.raw.Write(func(fd uintptr) bool {
		err = unix.Connect(int(fd), sockaddr(to))
		if !errors.Is(err, unix.EINPROGRESS) && !errors.Is(err, unix.EALREADY) {
			return true
		}
		c, said = s.complaint(int(fd))
		return said
	})
	switch {
	case werr != nil:
		return broken(werr)
	case said:
		return c.answer()
	}
	if err == nil || errors.Is(err, unix.EISCONN) {
		return accepted(to, time.Since(start))
	}
	return s.refusal(from, to, err)
}

func accepted(to netip.AddrPort, rtt time.Duration) Answer {
	return Answer{Outcome: Reply, RTT: rtt, Text: fmt.Sprintf("%s accepts, in %s", to, rtt.Round(10*time.Microsecond))}
}

// refusal explains an error of a connected socket by what lies in its error
// queue, else by its number.
func (s *socket) refusal(from string, to netip.AddrPort, err error) Answer {
	var c complaint
	var ok bool
	_ = s.control(func(fd int) error {
		c, ok = s.complaint(fd)
		return nil
	})
	switch {
	case ok:
		return c.answer()
	case errors.Is(err, unix.ECONNREFUSED):
		return Answer{Outcome: Refused, Text: fmt.Sprintf("Connection refused: nobody listens on %s", to)}
	case errors.Is(err, unix.ETIMEDOUT):
		return Answer{Outcome: NoReply, Text: "Connection timed out"}
	case errors.Is(err, unix.ECONNRESET):
		return Answer{Outcome: Refused, Text: "Connection reset by " + to.Addr().String()}
	}
	return unsent(from, to.Addr(), err)
}
