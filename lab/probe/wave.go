package probe

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
)

// The kernel's neighbour table has 1024 places for all namespaces together
// (gc_thresh3, arp(7)), and a fast verifier fills it: all pairs among 33 nodes
// are too many. Beyond maxPings (30 nodes), pings therefore go in waves, a block of nodes
// against a block of nodes, and the entries are deleted behind them, so that
// there are never many more than maxMet.
const (
	maxPings  = 900
	maxMet    = 100
	blockSize = 16
	waveTime  = 100 * time.Millisecond // who is silent for longer is not waited for
)

// waves sorts pings into those that are asked together, so few that a socket
// for each node is not too many. tidy says that entries are to be deleted.
func (run *round) waves(pings []int) (waves [][]int, tidy bool) {
	if len(pings) > maxPings {
		return run.tiles(pings), true
	}
	places := map[string]bool{}
	for _, i := range pings {
		if from := run.ping(i).from; len(waves) == 0 || !places[from] && len(places) == maxKept {
			waves = append(waves, nil)
			clear(places)
		}
		places[run.ping(i).from] = true
		waves[len(waves)-1] = append(waves[len(waves)-1], i)
	}
	return waves, false
}

// tiles are blocks of nodes against blocks of nodes, and the two pings of a
// pair in a row: the second finds the entries that the first has made.
func (run *round) tiles(pings []int) (waves [][]int) {
	number := map[string]int{}
	for _, i := range pings {
		for _, node := range []string{run.ping(i).from, run.ping(i).peer()} {
			if _, ok := number[node]; !ok {
				number[node] = len(number)
			}
		}
	}
	of := map[tile][]pairing{}
	for _, i := range pings {
		a, b := number[run.ping(i).from], number[run.ping(i).peer()]
		p := pairing{min(a, b), max(a, b), i}
		of[p.tile()] = append(of[p.tile()], p)
	}
	for _, t := range slices.SortedFunc(maps.Keys(of), tile.compare) {
		slices.SortStableFunc(of[t], pairing.compare)
		waves = append(waves, nil)
		for _, p := range of[t] {
			waves[len(waves)-1] = append(waves[len(waves)-1], p.ping)
		}
	}
	return waves
}

// pairing is a ping and the numbers of those between whom it goes.
type pairing struct{ low, high, ping int }

func (p pairing) compare(q pairing) int {
	return cmp.Or(cmp.Compare(p.low, q.low), cmp.Compare(p.high, q.high))
}

func (p pairing) tile() tile { return tile{p.low / blockSize, p.high / blockSize} }

// tile is a block of nodes against another one, or against itself.
type tile struct{ low, high int }

func (t tile) compare(u tile) int {
	return cmp.Or(cmp.Compare(t.low, u.low), cmp.Compare(t.high, u.high))
}

func (run *round) isPing(i int) bool {
	_, ok := run.as[i].Probe.(ping)
	return ok
}

func (run *round) ping(i int) ping { return run.as[i].Probe.(ping) }

// peer names who is pinged.
func (p ping) peer() string {
	if p.to.node != "" {
		return p.to.node
	}
	return p.to.addr.String()
}

// wave asks the pings of a wave: first all in a sweep, then those that it has
// left over in the patient way. The silent ones go on beside the next waves: it
// returns those left over whose neighbour entries are to be deleted.
func (run *round) wave(ctx context.Context, all *sync.WaitGroup, s *sweep, which []int) (left []int) {
	left = s.ask(ctx, which)
	var wg sync.WaitGroup
	for _, i := range left {
		wg.Add(1)
		all.Go(func() {
			defer wg.Done()
			run.one(ctx, i)
		})
	}
	if !s.tidy {
		return nil
	}
	if len(left) > 0 {
		atMost(waveTime, wg.Wait)
		s.forgetLeft(left)
	}
	s.forget()
	return left
}

// atMost waits for f, but not for ever.
func atMost(d time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// addresses are all that are pinged, save those that are spared: a question
// about the neighbour table will ask for them.
func (run *round) addresses() (asked, spared map[netip.Addr]bool) {
	asked, spared = map[netip.Addr]bool{}, map[netip.Addr]bool{}
	for _, a := range run.as {
		if p, ok := a.Probe.(ping); ok {
			asked[p.to.addr] = true
		}
	}
	for _, a := range run.as {
		if p, ok := a.Probe.(neighbour); ok {
			spared[p.addr()] = true
			delete(asked, p.addr())
		}
	}
	return asked, spared
}

const learnt = netlink.NUD_REACHABLE | netlink.NUD_STALE | netlink.NUD_DELAY | netlink.NUD_PROBE

// forgetIn leaves alone what somebody has set by hand, and entries that are
// still being asked for.
func forgetIn(h *netlink.Handle, asked map[netip.Addr]bool) error {
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		entries, err := h.NeighList(0, family)
		if err != nil {
			return err
		}
		for _, e := range entries {
			addr, _ := netip.AddrFromSlice(e.IP)
			if e.State&learnt == 0 || !asked[addr.Unmap()] {
				continue
			}
			if err := h.NeighDel(&e); err != nil {
				return err
			}
		}
	}
	return nil
}
