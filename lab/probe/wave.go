package probe

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
)

// The kernel's neighbour table has 1024 places for all namespaces together
// (gc_thresh3, arp(7)), and a fast verifier fills it: all pairs among 33 nodes
// are too many. Beyond maxPings (30 nodes), pings therefore go in waves, a block of nodes
// against a block of nodes, and the entries are deleted behind each.
const (
	maxPings  = 900
	blockSize = 16
	waveTime  = 100 * time.Millisecond // who is silent for longer is not waited for
)

// waves sorts pings among many into waves; everything else is the rest.
func (run *round) waves(which []int) (waves [][]int, rest []int) {
	pings := slices.DeleteFunc(slices.Clone(which), func(i int) bool { return !run.isPing(i) })
	if len(pings) <= maxPings {
		return nil, which
	}
	rest = slices.DeleteFunc(slices.Clone(which), run.isPing)
	number := map[string]int{}
	block := func(node string) int {
		if _, ok := number[node]; !ok {
			number[node] = len(number)
		}
		return number[node] / blockSize
	}
	tiles := map[[2]int][]int{}
	var order [][2]int
	for _, i := range pings {
		p := run.as[i].Probe.(ping)
		a, b := block(p.from), block(p.peer())
		tile := [2]int{min(a, b), max(a, b)}
		if tiles[tile] == nil {
			order = append(order, tile)
		}
		tiles[tile] = append(tiles[tile], i)
	}
	for _, tile := range order {
		waves = append(waves, tiles[tile])
	}
	return waves, rest
}

func (run *round) isPing(i int) bool {
	_, ok := run.as[i].Probe.(ping)
	return ok
}

// peer names who is pinged.
func (p ping) peer() string {
	if p.to.node != "" {
		return p.to.node
	}
	return p.to.addr.String()
}

// wave sends one wave and waits for its answers, but not for the silent ones:
// these go on beside the next waves.
func (run *round) wave(ctx context.Context, all *sync.WaitGroup, which []int) {
	var wg sync.WaitGroup
	for _, i := range which {
		wg.Add(1)
		all.Go(func() {
			defer wg.Done()
			run.one(ctx, i)
		})
	}
	answered := make(chan struct{})
	go func() {
		wg.Wait()
		close(answered)
	}()
	timer := time.NewTimer(waveTime)
	defer timer.Stop()
	select {
	case <-answered:
	case <-timer.C:
	}
	run.forget(which)
}

// forget deletes the neighbour entries that a wave has made, on both sides.
// The table is a cache: nothing is wrong when that fails.
func (run *round) forget(which []int) {
	asked := run.addresses()
	places := map[string]bool{}
	for _, i := range which {
		p := run.as[i].Probe.(ping)
		places[p.from] = true
	}
	for ns := range places {
		_ = run.rig.inside(ns, func() error { return forgetIn(&netlink.Handle{}, asked) })
	}
}

// addresses are all that are pinged, save those that a question about the
// neighbour table will ask for.
func (run *round) addresses() map[netip.Addr]bool {
	asked := map[netip.Addr]bool{}
	for _, a := range run.as {
		if p, ok := a.Probe.(ping); ok {
			asked[p.to.addr] = true
		}
	}
	for _, a := range run.as {
		if p, ok := a.Probe.(neighbour); ok {
			delete(asked, p.addr())
		}
	}
	return asked
}

// forgetIn leaves alone what somebody has set by hand, and entries that are
// still being asked for.
func forgetIn(h *netlink.Handle, asked map[netip.Addr]bool) error {
	const learnt = netlink.NUD_REACHABLE | netlink.NUD_STALE | netlink.NUD_DELAY | netlink.NUD_PROBE
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
