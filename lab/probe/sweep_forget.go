package probe

import (
	"cmp"
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
	forget := func() error { return forgetIn(&netlink.Handle{}, map[netip.Addr]bool{m.own: true}) }
	if s.k.Inside(m.node, forget) != nil { // a bridge is no namespace
		_ = s.k.Inside(topology.Host, forget)
	}
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
