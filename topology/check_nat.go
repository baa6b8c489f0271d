package topology

import (
	"net/netip"
	"slices"
	"strings"
)

// maxNAT is how many rules of address translation a lab may have: a thousand
// published ports, and some. The kernel tries them one after another for every
// new connection, and `make bench` measures no more.
const maxNAT = 1024

// checkNAT finds rules that cannot work beside each other.
func (w *world) checkNAT(v *view) {
	if n := len(w.NAT); n > maxNAT {
		w.wrong(w.NAT[maxNAT].Pos, "the lab has %d rules, the limit is %d", n, maxNAT)
	}
	type key struct {
		kind, ns, what, in, out string
		dest                    netip.Addr
	}
	first := map[key]Pos{}
	for _, n := range w.NAT {
		if n.Kind.Text == "chain" {
			continue // checkFilter
		}
		k := key{n.Kind.Text, n.In.Text, n.written(), n.InDev, n.OutDev, n.Dest}
		if other, taken := first[k]; taken && other != n.Pos {
			w.wrong(n.Pos, "%s is already there (%s): the second rule would never be met", n.written(), near(other, n.Pos))
		} else if !taken {
			first[k] = n.Pos
		}
		w.checkRuleDev(v, n.In.Text, n.Pos, n.InDev, "in-dev")
		w.checkRuleDev(v, n.In.Text, n.Pos, n.OutDev, "out-dev")
	}
}

// checkRuleDev makes sure that the interface of a rule exists. Names that end
// with + stand for many.
func (w *world) checkRuleDev(v *view, ns string, pos Pos, dev, key string) {
	name := strings.TrimPrefix(dev, "!")
	if name == "" || strings.HasSuffix(name, "+") || w.real && ns == Host {
		return
	}
	if names := v.names(ns); !slices.Contains(names, name) {
		w.onceAt(pos, at(w.paths[pos], key), "%s", Unknown("interface of "+ns, name, names))
	}
}

// checkServices finds two services at one port of one namespace.
func (w *world) checkServices() {
	type key struct{ ns, socket string }
	first := map[key]Pos{}
	for i := range w.Namespaces {
		n := &w.Namespaces[i]
		for _, s := range n.Services {
			k := key{w.home(n.Name.Text), s.socket()}
			if other, taken := first[k]; s.port() == 0 {
				continue
			} else if taken && other != s.Kind.Pos {
				w.wrong(s.Kind.Pos, "%s of %s is already taken (%s): two services cannot share a port", s.socket(), n.Name, near(other, s.Kind.Pos))
			} else if !taken {
				first[k] = s.Kind.Pos
			}
		}
	}
}
