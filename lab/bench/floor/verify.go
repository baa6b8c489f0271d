package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"nslab/lab/bench/shape"
)

// The kernel's neighbour table has 1024 places for all namespaces together.
// So pings go in waves, and where there are too many for the table, the
// entries of each wave are deleted behind it.
const (
	pingsAtOnce = 100
	maxEntries  = 900
	maxOpen     = 55
)

// verify asks everything that must be true of the shape, and says how many of
// how many answered.
func verify(s shape.Shape, out io.Writer) error {
	pings := s.All()
	v := &verifier{Shape: s, open: map[int]*pinger{}, tidy: s.Bridge.IsValid() && len(pings) > maxEntries}
	for wave := range slices.Chunk(pings, pingsAtOnce) {
		if err := v.wave(wave); err != nil {
			return err
		}
	}
	if err := v.connect(); err != nil {
		return err
	}
	want := len(pings) + len(s.Ports)
	fmt.Fprintf(out, "%d of %d\n", v.answered, want)
	if v.answered < want {
		return errors.New("not everybody answered")
	}
	return nil
}

type verifier struct {
	shape.Shape
	open     map[int]*pinger
	tidy     bool // neighbour entries are deleted
	answered int
}

// wave sends some pings and waits for the answers.
func (v *verifier) wave(pings []shape.Ping) error {
	if err := v.ask(pings); err != nil {
		return err
	}
	for _, do := range []func(*pinger) error{(*pinger).send, v.reap} {
		for i, p := range v.open {
			if err := do(p); err != nil {
				return fmt.Errorf("pings from %s: %w", v.Nodes[i].Name, err)
			}
		}
	}
	if !v.tidy {
		return nil
	}
	return v.forget(pings)
}

// ask tells everybody what to ask. Sockets of those who have nothing to do
// make room for others.
func (v *verifier) ask(pings []shape.Ping) error {
	for i, p := range v.open {
		p.asked, p.packets = nil, nil
		busy := slices.ContainsFunc(pings, func(q shape.Ping) bool { return q.From == i })
		if !busy && len(v.open) >= maxOpen {
			p.close()
			delete(v.open, i)
		}
	}
	for _, q := range pings {
		if v.open[q.From] == nil {
			if err := v.enter(q.From); err != nil {
				return fmt.Errorf("namespace %s: %w", v.Nodes[q.From].Name, err)
			}
		}
		v.open[q.From].ask(q.Addr)
	}
	return nil
}

func (v *verifier) enter(node int) error {
	if err := enter(v.Nodes[node].Name); err != nil {
		return err
	}
	p, err := newPinger()
	v.open[node] = p
	return err
}

func (v *verifier) reap(p *pinger) error {
	n, err := p.reap()
	v.answered += n
	return err
}

// forget deletes the entries of those that were asked, and where nobody asks
// back, of those that have asked.
func (v *verifier) forget(pings []shape.Ping) error {
	for _, q := range pings {
		err := v.open[q.From].forget(q.Addr)
		if p := v.open[q.To]; p != nil && len(v.Among) == 0 {
			err = errors.Join(err, p.forget(v.Nodes[q.From].Addr))
		}
		if err != nil {
			return fmt.Errorf("neighbours %s and %s: %w", v.Nodes[q.From].Name, v.Nodes[q.To].Name, err)
		}
	}
	return nil
}

func enter(name string) error {
	fd, err := unix.Open(runNetns+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Setns(fd, unix.CLONE_NEWNET)
}

// connect opens a connection to every published port.
func (v *verifier) connect() error {
	if len(v.Ports) == 0 {
		return nil
	}
	if err := enter(v.Nodes[v.Ports[0].Client].Name); err != nil {
		return err
	}
	for _, p := range v.Ports {
		if err := connected(netip.AddrPortFrom(p.At, p.Port)); err != nil {
			return err
		}
		v.answered++
	}
	return nil
}

func connected(to netip.AddrPort) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != nil {
		return fmt.Errorf("connect to %s: %w", to, err)
	}
	return nil
}
