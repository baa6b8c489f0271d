package probe

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// isConnection says whether the question hopes for a TCP handshake, which may
// be over at once.
func (run *round) isConnection(i int) bool {
	_, ok := run.as[i].Probe.(tcp)
	return ok && run.as[i].Expect.Word == string(Reply)
}

func (run *round) tcp(i int) tcp { return run.as[i].Probe.(tcp) }

// connect tries each connection once, and returns those that were not made at
// once. A namespace is entered once for all that are asked from it.
func (s *sweep) connect(ctx context.Context, which []int) (left []int) {
	from := map[string][]int{}
	for _, i := range which {
		from[s.tcp(i).from] = append(from[s.tcp(i).from], i)
	}
	for ns, these := range from {
		_ = s.k.Inside(ns, func() error {
			these = s.connectHere(ctx, these)
			return nil
		})
		left = append(left, these...)
	}
	return left
}

func (s *sweep) connectHere(ctx context.Context, which []int) (left []int) {
	for _, i := range which {
		start := time.Now()
		to := s.tcp(i).at()
		if ctx.Err() != nil || !handshaken(to) || !s.hears(i, accepted(to, time.Since(start))) {
			left = append(left, i)
		}
	}
	return left
}

// handshaken makes a connection from where the thread is, and ends it. While
// connect(2) runs, the socket is its own, and answers wait until it lets go: a
// second call sees them.
func handshaken(to netip.AddrPort) bool {
	domain := unix.AF_INET
	if to.Addr().Is6() {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	err = unix.Connect(fd, sockaddr(to))
	if errors.Is(err, unix.EINPROGRESS) {
		err = unix.Connect(fd, sockaddr(to))
	}
	return err == nil
}
