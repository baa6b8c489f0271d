package topology

import (
	"fmt"
	"net/netip"
	"slices"
)

// checkLeasing makes sure that clients can use what a dhcp service lends them.
func (w *world) checkLeasing(v *view) {
	for i := range w.Namespaces {
		n := &w.Namespaces[i]
		for _, s := range n.Services {
			if s.Kind.Text == "dhcp" {
				w.checkPool(v, n, s)
			}
		}
	}
}

func (w *world) checkPool(v *view, n *Namespace, s Service) {
	ns := w.home(n.Name.Text)
	l, ok := w.Leasing(ns, s)
	dev, pool, router := s.Args.Get("dhcp"), s.Args.Get("pool"), s.Args.Get("router")
	wrong := func(key string, v Value, format string, args ...any) {
		w.onceAt(v.Pos, at(w.paths[s.Kind.Pos], key), format, args...)
	}
	if names := dropped(v.names(ns), func(name string) bool { return name == "lo" }); !slices.Contains(names, l.Dev) {
		wrong("dhcp", dev, "%s", Unknown("interface of "+n.Name.Text, l.Dev, names))
		return
	}
	if !ok {
		wrong("dhcp", dev, "%s of %s has no IPv4 address: a server lends addresses of its own network", l.Dev, n.Name)
		return
	}
	if problem := l.poolProblem(); problem != "" {
		wrong("pool", pool, "%s", problem)
	}
	if l.Router.IsValid() && !l.Server.Contains(l.Router) {
		wrong("router", router, "%s is not in %s, the network of %s: a client could not reach it", l.Router, l.Server.Masked(), l.Dev)
	}
	for _, p := range v.plugs() {
		if l.lends(p.Prefix.Addr()) && v.hears(p, ns, l.Dev) {
			wrong("pool", pool, "%s is the address of %s (%s): the pool is for those who have none", p.Prefix.Addr(), p.label, near(p.Address.Pos, pool.Pos))
		}
	}
}

// poolProblem says which address of the pool no client could have.
func (l Leasing) poolProblem() string {
	for _, a := range []netip.Addr{l.First, l.Last} {
		if !l.Server.Contains(a) {
			return fmt.Sprintf("%s is not in %s, the network of %s", a, l.Server.Masked(), l.Dev)
		}
		if problem := hostProblemOf(netip.PrefixFrom(a, l.Server.Bits())); problem != "" {
			return problem
		}
	}
	return ""
}

func (l Leasing) lends(a netip.Addr) bool { return a.Is4() && !a.Less(l.First) && !l.Last.Less(a) }

// hears says whether a device hears the broadcasts of an interface.
func (v *view) hears(p plug, ns, dev string) bool {
	return slices.ContainsFunc(v.at[ns], func(i int) bool {
		return v.interfaces[i].name == dev && v.interfaces[i].segment == p.segment
	})
}
