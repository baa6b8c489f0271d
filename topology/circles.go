package topology

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// hop is where a packet for a network is on its way.
type hop struct {
	ns string
	to netip.Prefix
}

// circles are routes by which a packet comes back to the router that sent it
// on: it goes round until its time to live is over.
func (s scene) circles() []doubt {
	var out []doubt
	seen := map[hop]bool{}
	for i := range s.Namespaces {
		name := s.Namespaces[i].Name.Text
		for _, r := range s.routesOf(name) {
			if taken, ok := s.routeTo(name, r.To); !ok || taken.Pos != r.Pos {
				continue // another route is better
			}
			if way := s.circle(name, r, seen); way != nil {
				first, _ := s.routeTo(way[0], r.To)
				out = append(out, doubt{pos: first.Pos, msg: fmt.Sprintf("packets on the route to %s go round in a circle: %s", r.destination(), round(way))})
			}
		}
	}
	return out
}

// round is a circle in words; of a long one the beginning and the end.
func round(way []string) string {
	const enough = 8
	if len(way) > enough {
		way = append(slices.Clone(way[:enough-2]), "...", way[len(way)-1])
	}
	return strings.Join(append(way, way[0]), " -> ")
}

// circle follows what a route leads away until it is where it was before, and
// returns the routers from there on; nil when it ends anywhere else, or where
// somebody has followed it before.
func (s scene) circle(at string, r Route, seen map[hop]bool) []string {
	to := r.To
	var way []string
	for !seen[hop{at, to}] && !s.strange(at) && s.routers[router{s.home(at), to.Addr().Is6()}] {
		seen[hop{at, to}] = true
		way = append(way, at)
		next, ok := s.next(at, r)
		if !ok {
			return nil
		}
		if back := slices.Index(way, next); back >= 0 {
			return way[back:]
		}
		if r, ok = s.routeTo(next, to); !ok {
			return nil
		}
		at = next
	}
	return nil
}

// next is who has the gateway of a route, on a link that the namespace is on.
func (s scene) next(ns string, r Route) (string, bool) {
	for _, i := range s.who[r.Via] {
		for _, near := range s.view.at[s.home(ns)] {
			if i >= 0 && s.view.interfaces[i].segment == s.view.interfaces[near].segment {
				return s.view.interfaces[i].ns, true
			}
		}
	}
	return "", false
}

// routeTo is the route that a namespace takes to a network as a whole. There is
// none when it is connected, or when it has a route to a half of it: it may have all parts.
func (s scene) routeTo(ns string, to netip.Prefix) (best Route, ok bool) {
	for _, i := range s.view.at[s.home(ns)] {
		for _, a := range s.view.interfaces[i].addresses {
			if p := a.Prefix.Masked(); p.Overlaps(to) && p.Bits() <= to.Bits() {
				return Route{}, false
			}
		}
	}
	for _, r := range s.routesOf(ns) {
		switch {
		case r.To.Overlaps(to) && r.To.Bits() == to.Bits()+1:
			return Route{}, false // a half of it
		case !r.To.Overlaps(to) || r.To.Bits() > to.Bits():
		case !ok || r.To.Bits() > best.To.Bits() || r.To == best.To && r.Metric < best.Metric:
			best, ok = r, true
		}
	}
	return best, ok && best.Via.IsValid()
}
