package topology

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

func (w *world) routesOf(ns string) []Route {
	if ns != Host {
		return w.routesAt(place{name: ns})
	}
	return slices.Concat(w.routesAt(place{ns, true}), w.routesAt(place{name: ns}))
}

func (w *world) routesAt(p place) []Route {
	if i, ok := w.nsAt[p]; ok {
		return w.Namespaces[i].Routes
	}
	return nil
}

func (w *world) checkRoutes(v *view) {
	for i := range w.Namespaces {
		n := &w.Namespaces[i]
		name := n.Name.Text
		for _, r := range n.Routes {
			if w.unsure[name] || w.real && name == Host {
				continue
			}
			if w.checkDev(v, name, r) && r.Via.IsValid() {
				w.checkVia(v, name, r)
			}
		}
		if placeOf(n) == (place{name: name}) || !w.hasNamespace(name) {
			w.checkRoutesTwice(name)
		}
	}
}

// checkDev says whether the interface of a route exists.
func (w *world) checkDev(v *view, ns string, r Route) bool {
	if r.Dev.Text == "" {
		return true
	}
	names := v.names(ns)
	if slices.Contains(names, r.Dev.Text) {
		w.fine[r.Dev.Pos] = true
		return true
	}
	w.wrong(r.Dev.Pos, "%s%s", Unknown("interface of "+ns, r.Dev.Text, names), w.since(r.Dev.Pos))
	return false
}

// since explains a mistake at a line that was right until now.
func (w *world) since(pos Pos) string {
	if w.fine[pos] {
		return " (it was right until this step: " + w.step + ")"
	}
	return ""
}

// checkVia makes sure that the kernel can reach the gateway directly; else it
// answers "Nexthop has invalid gateway".
func (w *world) checkVia(v *view, ns string, r Route) {
	if r.Via.Is6() && r.Via.IsLinkLocalUnicast() {
		if r.Dev.Text == "" {
			w.wrong(r.Pos, "the gateway %s is a link-local address: every interface has that network, so `dev` must say which is meant", r.Via)
		}
		return
	}
	for _, i := range v.at[ns] {
		d := &v.interfaces[i]
		for _, a := range d.addresses {
			switch {
			case a.Prefix.Addr() == r.Via:
				w.wrong(r.Pos, "the gateway %s is %s itself (%s): name the router at the other end", r.Via, ns, d.name)
				return
			case (r.Dev.Text == "" || r.Dev.Text == d.name) && a.Prefix.Contains(r.Via):
				w.checkGatewayHost(a.Prefix, r)
				w.fine[r.Pos] = true
				return
			}
		}
	}
	if w.onLinkRoute(ns, r) || w.unsureNear(v, ns) {
		return
	}
	w.wrong(r.Pos, "the gateway %s is not on-link: %s%s", r.Via, v.offLink(ns, r), w.since(r.Pos))
}

// offLink says what a namespace does reach directly.
func (v *view) offLink(ns string, r Route) string {
	family, on := "IPv6", ""
	if r.Via.Is4() {
		family = "IPv4"
	}
	if r.Dev.Text != "" {
		on = " on " + r.Dev.Text
	}
	networks := v.networks(ns, r)
	switch {
	case len(networks) == 0:
		return fmt.Sprintf("%s has no %s address%s", ns, family, on)
	}
	return fmt.Sprintf("%s is in %s", ns, strings.Join(networks, ", "))
}

// networks lists a few of the networks that a gateway could be in.
func (v *view) networks(ns string, r Route) []string {
	const few = 6
	var out []string
	for _, i := range v.at[ns] {
		d := &v.interfaces[i]
		for _, a := range d.addresses {
			switch {
			case r.Dev.Text != "" && r.Dev.Text != d.name || a.Prefix.Addr().Is4() != r.Via.Is4():
			case len(out) == few:
				return append(out, "...")
			default:
				out = append(out, fmt.Sprintf("%s (%s)", a.Prefix.Masked(), d.name))
			}
		}
	}
	return out
}

func (w *world) checkGatewayHost(network netip.Prefix, r Route) {
	if !r.Via.Is4() || network.Bits() >= 31 {
		return
	}
	if r.Via == network.Masked().Addr() {
		w.wrong(r.Pos, "the gateway %s is the network %s itself, not a host in it", r.Via, network.Masked())
	} else if r.Via == last(network) {
		w.wrong(r.Pos, "the gateway %s is the broadcast address of %s", r.Via, network.Masked())
	}
}

// onLinkRoute says whether a route without gateway leads to the gateway.
func (w *world) onLinkRoute(ns string, r Route) bool {
	for _, other := range w.routesOf(ns) {
		if !other.Via.IsValid() && other.To.Contains(r.Via) && (r.Dev.Text == "" || r.Dev.Text == other.Dev.Text) {
			return true
		}
	}
	return false
}

// unsureNear says whether an interface of a namespace could not be read in
// full: its networks are not known then.
func (w *world) unsureNear(v *view, ns string) bool {
	for _, i := range v.at[ns] {
		node, _, _ := strings.Cut(v.interfaces[i].label, ":")
		if w.unsure[node] {
			return true
		}
	}
	return w.unsure[ns]
}

func (w *world) checkRoutesTwice(ns string) {
	type key struct {
		to     netip.Prefix
		metric int
	}
	first := map[key]Route{}
	for _, r := range w.routesOf(ns) {
		k := key{r.To, r.Metric}
		if other, taken := first[k]; taken && other.Pos != r.Pos {
			w.wrong(r.Pos, "%s already has a route to %s (%s): give one of them another metric, or take the old one away (remove: [\"routes/%s %s\"])",
				ns, r.destination(), near(other.Pos, r.Pos), ns, r.destination())
		} else if !taken {
			first[k] = r
		}
	}
}
