package topology

import (
	"net/netip"
	"slices"
	"strings"
)

// checkHosts finds names that lead nowhere, and name servers that nobody could
// ask.
func (w *world) checkHosts() {
	for i := range w.Namespaces {
		n := &w.Namespaces[i]
		for _, l := range n.Linked {
			w.checkLinked(n, l)
		}
		for _, s := range n.Services {
			if at := s.Listen(); at.IsValid() {
				w.checkListen(n, s, at.Addr())
			}
		}
	}
}

func (w *world) checkLinked(n *Namespace, l NameLink) {
	same := func(h HostEntry) bool { return strings.EqualFold(h.Name.Text, l.Alias.Text) }
	switch {
	case l.To.Text == n.Name.Text:
		w.wrong(l.To.Pos, "%s cannot be linked to itself: its own name is its `hostname`", n.Name)
	case !w.hasNamespace(l.To.Text) && !w.full():
		w.wrong(l.To.Pos, "%s", Unknown("namespace", l.To.Text, w.knownNamespaces()))
	case slices.ContainsFunc(n.Hosts, same):
		w.wrong(l.Alias.Pos, "%q is in the hosts of %s already: the first line of a hosts file counts", l.Alias.Text, n.Name)
	}
}

// checkListen makes sure that a server can have the address it names.
func (w *world) checkListen(n *Namespace, s Service, a netip.Addr) {
	home := w.home(n.Name.Text)
	if home == Host && (w.real || a.IsLoopback()) {
		return
	}
	whole, ok := w.State.Namespace(home)
	if !ok {
		return // said already
	}
	if a.IsLoopback() {
		if !whole.Lo {
			w.wrong(s.Kind.Pos, "%s is an address of lo, which is down in a new namespace: add `lo: up`", a)
		}
		return
	}
	var own []string
	for _, p := range w.AddressesOf(n.Name.Text) {
		own = append(own, p.Addr().String())
	}
	for _, p := range whole.LoAddress {
		own = append(own, p.Prefix.Addr().String())
	}
	if !slices.Contains(own, a.String()) {
		w.wrong(s.Kind.Pos, "%s", Unknown("address of "+n.Name.Text, a.String(), own))
	}
}
