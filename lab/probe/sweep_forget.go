package probe

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"nslab/topology"
)

// forgotten deletes the entry that who has answered has of the asker.
func (s *sweep) forgotten(m meeting) {
	m.node = cmp.Or(m.node, s.owner[m.peer])
	if m.node == "" || !m.own.IsValid() || s.spared[m.own] {
		return
	}
	if w := s.sockets[born{m.node, false}]; w != nil {
		if !slices.Contains(s.kept[m.node], m.own) {
			_ = forgetARP(w.fd, m.own)
		}
		return
	}
	s.forgetAt(m.node, map[netip.Addr]bool{m.own: true})
}

// forgetAt deletes the entries that a node has of addresses. The table is a cache:
// nothing is wrong when that fails.
func (s *sweep) forgetAt(node string, addrs map[netip.Addr]bool) {
	forget := func() error { return forgetIn(&netlink.Handle{}, addrs) }
	if s.k.Inside(node, forget) != nil { // a bridge is no namespace
		_ = s.k.Inside(topology.Host, forget)
	}
}

// forgetLeft deletes the entries that pings which the sweep has left over have
// made at both ends.
func (s *sweep) forgetLeft(which []int) {
	ends := map[string]bool{}
	addrs := maps.Clone(s.forgettable)
	for _, i := range which {
		p := s.ping(i)
		if !ends[p.from] {
			ends[p.from] = true
			s.addAddresses(p.from, addrs)
		}
		if node := cmp.Or(p.to.node, s.owner[p.to.addr]); node != "" {
			ends[node] = true
		}
	}
	for node := range ends {
		s.forgetAt(node, addrs)
	}
}

// addAddresses adds those of a node that others may forget.
func (s *sweep) addAddresses(node string, to map[netip.Addr]bool) {
	_ = s.k.Inside(node, func() error {
		all, err := (&netlink.Handle{}).AddrList(nil, netlink.FAMILY_ALL)
		for _, a := range all {
			if addr, ok := netip.AddrFromSlice(a.IP); ok && !s.spared[addr.Unmap()] {
				to[addr.Unmap()] = true
			}
		}
		return err
	})
}

// forget deletes the neighbour entries of those who have answered. Where the
// asker had none, the two share no network, or have been here before.
func (s *sweep) forget() {
	for at, w := range s.sockets {
		if at.v6 && len(w.met) > 0 {
			_ = s.k.Inside(at.ns, func() error { return forgetIn(&netlink.Handle{}, s.forgettable) })
		}
		for _, m := range w.met {
			if at.v6 || !s.forgettable[m.peer] || slices.Contains(s.kept[at.ns], m.peer) || forgetARP(w.fd, m.peer) == nil {
				s.forgotten(m)
			}
		}
		w.met = nil
	}
	s.met = 0
}
