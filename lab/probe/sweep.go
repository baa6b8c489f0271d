package probe

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/lab/op"
)

// sweep asks pings and connections that hope for a reply in a row, from one thread. A packet
// between namespaces of one kernel travels while it is being sent, so that its
// answer is mostly there when the call returns: a goroutine, a timer and a
// wake-up for each ping would cost more than the ping. Who does not answer at
// once is left to those who wait.
type sweep struct {
	*round
	k           *op.Kernel // of a session
	tidy        bool       // neighbour entries are deleted behind each wave
	forgettable map[netip.Addr]bool
	spared      map[netip.Addr]bool // a question about the neighbour table will ask for them
	sockets     map[born]*sweeper
	owner       map[netip.Addr]string   // whose addresses are, as far as somebody has asked from them
	kept        map[string][]netip.Addr // whose neighbour entries are not to be deleted, where that is known
	met         int                     // how many have answered since the last forget
}

// sweepTime is for answers that take a detour: a packet that waits for an
// answer to ARP, a busy processor.
const sweepTime = 20 * time.Millisecond

// sweeping runs f with a sweep on a thread of its own.
func (run *round) sweeping(tidy bool, f func(*sweep)) error {
	return run.rig.k.Session(func(k *op.Kernel) error {
		s := &sweep{round: run, k: k, tidy: tidy, sockets: map[born]*sweeper{}, owner: map[netip.Addr]string{}, kept: map[string][]netip.Addr{}}
		if tidy {
			s.forgettable, s.spared = run.addresses()
		}
		defer s.close(nil)
		f(s)
		return nil
	})
}

// ask returns those that were not answered.
func (s *sweep) ask(ctx context.Context, which []int) (left []int) {
	var hoping []int
	for _, i := range which {
		if s.hopes(i) {
			hoping = append(hoping, i)
		} else {
			left = append(left, i)
		}
	}
	s.makeRoom(hoping)
	for n, i := range hoping {
		if ctx.Err() != nil {
			left = append(left, hoping[n:]...)
			break
		}
		if !s.send(i) {
			left = append(left, i)
		}
		if s.tidy && s.met >= maxMet {
			left = append(left, s.rest()...)
			s.forget()
		}
	}
	return append(left, s.rest()...)
}

// hopes says whether one echo request may answer the question.
func (s *sweep) hopes(i int) bool {
	return s.as[i].Expect.Word == string(Reply) && s.ping(i).count <= 1
}

// makeRoom closes sockets of those who ask nothing now, when there are many.
func (s *sweep) makeRoom(these []int) {
	busy := map[born]bool{}
	for _, i := range these {
		busy[s.ping(i).born()] = true
	}
	if len(s.sockets)+len(busy) > maxKept {
		s.close(busy)
	}
}

func (s *sweep) close(but map[born]bool) {
	for at, w := range s.sockets {
		if !but[at] {
			_ = unix.Close(w.fd)
			delete(s.sockets, at)
		}
	}
}

// send asks one ping and takes what answers are there.
func (s *sweep) send(i int) bool {
	p := s.ping(i)
	w := s.sockets[p.born()]
	if w == nil {
		var err error
		if w, err = s.open(p.born()); err != nil {
			return false
		}
		s.sockets[p.born()] = w
	}
	if !w.send(i, p.to.addr) {
		return false
	}
	s.take(w)
	return true
}

// open makes a socket.
func (s *sweep) open(at born) (w *sweeper, err error) {
	err = s.k.Inside(at.ns, func() error {
		if s.tidy {
			if err := s.keep(at.ns); err != nil {
				return err
			}
		}
		w, err = newSweeper(at.v6)
		return err
	})
	return w, err
}

// keep notes, once for each namespace, which neighbours somebody has set by hand.
func (s *sweep) keep(ns string) error {
	if _, known := s.kept[ns]; known {
		return nil
	}
	entries, err := (&netlink.Handle{}).NeighList(0, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	s.kept[ns] = nil
	for _, e := range entries {
		if addr, _ := netip.AddrFromSlice(e.IP); e.State&learnt == 0 {
			s.kept[ns] = append(s.kept[ns], addr.Unmap())
		}
	}
	return nil
}

// take reads the answers of a socket and tells the results.
func (s *sweep) take(w *sweeper) {
	for len(w.flying) > 0 {
		f, a, ok := w.receive()
		if !ok {
			return
		}
		if !s.hears(f.i, a) {
			continue
		}
		delete(w.flying, f.seq)
		own := w.own()
		s.owner[own] = s.ping(f.i).from
		w.met = append(w.met, meeting{f.to, own, s.ping(f.i).to.node})
		s.met++
	}
}

// hears tells the answer to a question, unless it comes too late.
func (s *sweep) hears(i int, a Answer) bool {
	if a.RTT > s.as[i].Expect.patience(s.as[i].within).listen {
		return false
	}
	res := Result{Assertion: s.as[i], Expected: s.as[i].Expect.String(), Answer: a, Tries: 1, Took: a.RTT}
	res.conclude()
	s.tell(i, res)
	return true
}

// rest waits a moment for what is under way and returns what did not come.
func (s *sweep) rest() (left []int) {
	for {
		var fds []unix.PollFd
		var of []*sweeper
		for _, w := range s.sockets {
			if len(w.flying) > 0 {
				fds, of = append(fds, unix.PollFd{Fd: int32(w.fd), Events: unix.POLLIN}), append(of, w)
			}
		}
		if len(fds) == 0 {
			return left
		}
		n, err := unix.Poll(fds, int(sweepTime.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		before := s.flying()
		for _, w := range of {
			s.take(w)
		}
		if n == 0 || err != nil || s.flying() == before {
			break
		}
	}
	for _, w := range s.sockets {
		for _, f := range w.flying {
			left = append(left, f.i)
		}
		clear(w.flying)
	}
	slices.Sort(left)
	return left
}

func (s *sweep) flying() (n int) {
	for _, w := range s.sockets {
		n += len(w.flying)
	}
	return n
}
