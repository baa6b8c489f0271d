package topology

import (
	"net/netip"
	"slices"
	"strings"
)

// removals are the kinds of things that `remove` takes away, how each is
// written, and in which order: what hangs on a node goes before the node.
var removals = []struct {
	kind, form string
	drop       func(w *world, fields []string) bool
	known      func(w *world) []string
}{
	{"services", "services/blue http 80", (*world).dropService, (*world).knownServices},
	{"ports", "ports/web 8080:80", (*world).dropPort, (*world).knownPorts},
	{"cni", "cni/red eth0", (*world).dropAttachment, (*world).knownAttachments},
	{"routes", "routes/blue default", (*world).dropRoute, (*world).knownRoutes},
	{"neighbours", "neighbours/red 192.168.15.2", (*world).dropNeighbour, (*world).knownNeighbours},
	{"fdb", "fdb/red 02:42:0a:c8:00:04 192.168.50.11", (*world).dropFDB, (*world).knownFDB},
	{"addresses", "addresses/red:eth0 192.168.15.1/24", (*world).dropAddress, (*world).knownAddresses},
	{"nat", "nat/masquerade 192.168.15.0/24", (*world).dropNAT, (*world).knownNAT},
	{"filter", "filter/FORWARD -i v-net-0 -j ACCEPT", (*world).dropFilter, (*world).knownFilter},
	{"links", "links/red:eth0", (*world).dropLink, (*world).knownLinks},
	{"bridges", "bridges/v-net-0", (*world).dropBridge, (*world).knownBridges},
	{"namespaces", "namespaces/red", (*world).dropNamespace, (*world).knownNamespaces},
}

// remove reads `remove` and takes away what it names, before the step adds.
func (w *world) remove(a *Args) {
	v := a.Value("remove")
	words := a.Words("remove")
	path := at(a.path, "remove")
	if v.Kind == List && len(v.Items) == 0 {
		w.add(v.Pos, path, "the list is empty: leave `remove` out, or name what goes, for example links/red:eth0")
	}
	if len(words) == 0 {
		return
	}
	w.open()
	for i, x := range words {
		w.paths[x.Pos] = nth(path, i)
		if kind, _, _ := strings.Cut(x.Text, "/"); !slices.Contains(removable(), kind) {
			w.wrong(x.Pos, "%s; write for example links/red:eth0", Unknown("kind of object", kind, removable()))
		}
	}
	for _, r := range removals {
		for _, x := range words {
			if kind, what, ok := strings.Cut(x.Text, "/"); kind == r.kind {
				w.take(x, r.kind, r.form, strings.Fields(what), ok, r.drop, r.known)
			}
		}
	}
	w.index()
}

func removable() []string {
	var out []string
	for _, r := range removals {
		out = append(out, r.kind)
	}
	slices.Sort(out)
	return out
}

// take removes one thing, or says why it cannot go.
func (w *world) take(x Word, kind, form string, fields []string, ok bool, drop func(*world, []string) bool, known func(*world) []string) {
	if !ok || !complete(kind, fields, len(strings.Fields(form))) {
		w.wrong(x.Pos, "%q is not complete: write it like %s", cut(x.Text), form)
		return
	}
	if kind == "namespaces" && fields[0] == Host {
		w.wrong(x.Pos, "the lab's host cannot be removed")
		return
	}
	if kind == "namespaces" || kind == "bridges" {
		if user, at := w.user(kind, fields[0]); user != "" {
			w.wrong(x.Pos, "%s is still used by %s (%s): remove that too", fields[0], user, near(at, x.Pos))
			return
		}
	}
	if drop(w, fields) {
		return
	}
	all := known(w)
	if like := Nearest(strings.Join(fields, " "), all); like != "" {
		w.wrong(x.Pos, "%q does not exist at this step, did you mean %q?", cut(x.Text), kind+"/"+like)
		return
	}
	w.wrong(x.Pos, "%q does not exist at this step%s", cut(x.Text), listing(all))
}

// complete says whether something is named in as many words as it has. A rule
// of iptables has any number.
func complete(kind string, words []string, want int) bool {
	switch n := len(words); kind {
	case "nat", "filter":
		return n > 1 || n == 1 && !slices.Contains(natKinds, words[0])
	case "services":
		return n == want || n == want-1
	default:
		return n == want
	}
}

// user finds what still needs a node.
func (w *world) user(kind, name string) (string, Pos) {
	for _, l := range w.Links {
		for _, e := range l.every() {
			if e.Node.Text == name {
				return "the link " + e.String(), l.Pos
			}
		}
	}
	if kind == "bridges" {
		return "", Pos{}
	}
	for i := range w.Namespaces {
		if n := &w.Namespaces[i]; n.shares() == name {
			return "the namespace " + n.Name.Text, n.Name.Pos
		}
	}
	for _, b := range w.Bridges {
		if b.In.Text == name {
			return "the bridge " + b.Name.Text, b.Name.Pos
		}
	}
	for _, n := range w.NAT {
		if n.In.Text == name {
			return "a " + n.Kind.Text + " rule", n.Pos
		}
	}
	for _, f := range w.Filter {
		if f.In.Text == name {
			return "a filter rule", f.Pos
		}
	}
	return "", Pos{}
}

// every returns the ends of a link and its parent.
func (l Link) every() []End {
	if l.Parent == nil {
		return l.Ends
	}
	return append(slices.Clip(l.Ends), *l.Parent)
}

func (w *world) dropNamespace(f []string) bool {
	n := len(w.Namespaces)
	w.Namespaces = slices.DeleteFunc(w.Namespaces, func(x Namespace) bool { return x.Name.Text == f[0] && f[0] != Host })
	return len(w.Namespaces) < n
}

func (w *world) dropBridge(f []string) bool {
	n := len(w.Bridges)
	w.Bridges = slices.DeleteFunc(w.Bridges, func(x Bridge) bool { return x.Name.Text == f[0] })
	return len(w.Bridges) < n
}

func (w *world) dropLink(f []string) bool {
	n := len(w.Links)
	w.Links = slices.DeleteFunc(w.Links, func(l Link) bool {
		return slices.ContainsFunc(l.Ends, func(e End) bool {
			ns, _ := w.Place(e)
			return e.String() == f[0] || ns+":"+e.Interface.Text == f[0]
		})
	})
	return len(w.Links) < n
}

// dropped removes the items of a slice that an earlier state may share.
func dropped[T any](list []T, gone func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), gone)
}

func (w *world) dropRoute(f []string) bool {
	return w.inNamespace(f[0], func(n *Namespace) bool {
		before := len(n.Routes)
		n.Routes = dropped(n.Routes, func(r Route) bool { return goesTo(r, f[1]) })
		return len(n.Routes) < before
	})
}

func goesTo(r Route, to string) bool {
	if to == anyRoute {
		return r.To.Bits() == 0
	}
	p, problem := network(to)
	return problem == "" && p == r.To
}

func (w *world) dropService(f []string) bool {
	return w.inNamespace(f[0], func(n *Namespace) bool {
		before := len(n.Services)
		n.Services = dropped(n.Services, func(s Service) bool {
			return s.Kind.Text == f[1] && (len(f) == 2 || number16(uint16(s.port())) == f[2])
		})
		return len(n.Services) < before
	})
}

func (w *world) inNamespace(name string, f func(*Namespace) bool) bool {
	found := false
	for i := range w.Namespaces {
		if w.Namespaces[i].Name.Text == name && f(&w.Namespaces[i]) {
			found = true
		}
	}
	return found
}

func (w *world) dropAddress(f []string) bool {
	want, err := netip.ParsePrefix(f[1])
	if err != nil {
		return false
	}
	without := func(list *[]Address) bool {
		before := len(*list)
		*list = dropped(*list, func(a Address) bool { return a.Prefix == want })
		return len(*list) < before
	}
	if ns, ok := strings.CutSuffix(f[0], ":lo"); ok {
		return w.inNamespace(ns, func(n *Namespace) bool { return without(&n.LoAddress) })
	}
	for i := range w.Bridges {
		if b := &w.Bridges[i]; b.Name.Text == f[0] || b.In.Text+":"+b.Name.Text == f[0] {
			return without(&b.Addresses)
		}
	}
	for i := range w.Links {
		for j, e := range w.Links[i].Ends {
			if e.String() == f[0] {
				w.Links[i].Ends = slices.Clone(w.Links[i].Ends)
				return without(&w.Links[i].Ends[j].Addresses)
			}
		}
	}
	return false
}
