package topology

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// circles are routes by which a packet comes back to the router that sent it
// on: it goes round until its time to live is over.
func (s scene) circles() []doubt {
	var out []doubt
	seen := map[string]bool{}
	for i := range s.Namespaces {
		n := &s.Namespaces[i]
		for _, r := range s.routesOf(n.Name.Text) {
			if taken, ok := s.routeTo(n.Name.Text, r.To); !ok || taken.Pos != r.Pos {
				continue // another route is better
			}
			way := s.circle(n.Name.Text, r)
			if key := strings.Join(slices.Sorted(slices.Values(way)), " ") + r.To.String(); way != nil && !seen[key] {
				seen[key] = true
				out = append(out, doubt{pos: r.Pos, msg: fmt.Sprintf("packets on the route to %s go round in a circle: %s", r.destination(), strings.Join(append(way, way[0]), " -> "))})
			}
		}
	}
	return out
}

// circle follows what a route leads away until it is back where it began, and
// returns the routers on the way; nil when it ends anywhere else.
func (s scene) circle(start string, r Route) []string {
	to, at := r.To, start
	var way []string
	for len(way) <= len(s.Namespaces) && !s.strange(at) && s.routers[router{s.home(at), to.Addr().Is6()}] {
		way = append(way, at)
		next, ok := s.next(at, r)
		if !ok {
			return nil
		}
		if next == start {
			return way
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
