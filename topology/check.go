package topology

import (
	"maps"
	"slices"
)

// check looks at the lab as a whole, as it is after a step. A mistake is
// reported where it was written, and once, however many steps it lasts.
func (w *world) check() {
	v := w.view()
	w.checkNames()
	w.checkNodes(v)
	w.checkShared()
	w.checkInterfaces(v)
	w.checkBridges()
	w.checkLoops()
	w.checkTunnels()
	w.checkCount(v)
	w.checkTwice(v)
	w.checkNetworks(v)
	w.checkRoutes(v)
	w.checkTables(v)
	w.checkAttachments(v)
	w.checkNAT(v)
	w.checkFilter(v)
	w.checkServices()
	w.checkLeasing(v)
	w.checkHosts()
	w.checkPorts()
}

// wrong complains at a place that a reader has noted.
func (w *world) wrong(pos Pos, format string, args ...any) {
	w.onceAt(pos, w.paths[pos], format, args...)
}

// view is the state as the checks look at it: every interface in its
// namespace and on its segment.
type view struct {
	interfaces []device
	at         map[string][]int // of a namespace
	loops      map[string][]Address
}

// device is an interface: a bridge or the end of a link.
type device struct {
	ns, name  string
	label     string // as the file calls it: red:eth0, or v-net-0
	port      string // the bridge it is plugged into
	addresses []Address
	mtu       int
	pos       Pos
	segment   int // devices with the same number hear each other's broadcasts
}

func (w *world) view() *view {
	v := &view{
		interfaces: make([]device, 0, len(w.Bridges)+2*len(w.Links)), at: make(map[string][]int, len(w.Namespaces)),
		loops: make(map[string][]Address, len(w.Namespaces)),
	}
	for i := range w.Namespaces {
		n := &w.Namespaces[i]
		v.loops[n.Name.Text] = append(v.loops[n.Name.Text], n.LoAddress...)
	}
	for i := range w.Bridges {
		b := &w.Bridges[i]
		v.add(device{
			ns: b.In.Text, name: b.Name.Text, label: b.Name.Text, addresses: b.Addresses, mtu: b.MTU, pos: b.Name.Pos,
		})
	}
	for _, l := range w.Links {
		w.addLink(v, l)
	}
	for i := range v.interfaces {
		v.interfaces[i].segment = v.find(i)
	}
	return v
}

func (v *view) add(d device) int {
	i := len(v.interfaces)
	d.segment = i
	v.interfaces = append(v.interfaces, d)
	v.at[d.ns] = append(v.at[d.ns], i)
	return i
}

// addLink adds the ends of a link and joins the segments they touch.
func (w *world) addLink(v *view, l Link) {
	first := -1
	for _, e := range l.Ends {
		d := device{
			ns: e.Node.Text, name: e.Interface.Text, label: e.String(), addresses: e.Addresses, mtu: e.MTU, pos: e.Pos,
		}
		br, isPort := w.brAt[e.Node.Text]
		if isPort {
			d.ns, d.port = w.Bridges[br].In.Text, e.Node.Text
		}
		i := v.add(d)
		if isPort {
			v.join(i, br)
		}
		if first >= 0 {
			v.join(i, first)
		}
		first = i
	}
	if l.sharesSegment() && first >= 0 {
		for _, i := range v.at[l.Parent.Node.Text] {
			if v.interfaces[i].name == l.Parent.Interface.Text {
				v.join(first, i)
			}
		}
	}
}

// sharesSegment says whether the link hears the broadcasts of its parent: its
// frames leave by the parent as they are. One with an `id` is a network of its
// own, for which they are tagged or wrapped.
func (l Link) sharesSegment() bool { return l.Parent != nil && !l.Options.Get("id").given() }

// find and join are a union-find: bridges come first in interfaces, so the
// index of a bridge is that of its device.
func (v *view) find(i int) int {
	for v.interfaces[i].segment != i {
		v.interfaces[i].segment = v.interfaces[v.interfaces[i].segment].segment
		i = v.interfaces[i].segment
	}
	return i
}

func (v *view) join(a, b int) { v.interfaces[v.find(a)].segment = v.find(b) }

// names returns the names of the interfaces of a namespace, lo among them.
func (v *view) names(ns string) []string {
	set := map[string]bool{"lo": true}
	for _, i := range v.at[ns] {
		set[v.interfaces[i].name] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// later says whether a comes after b. What another file brings was there
// before the file that names it.
func (p *parser) later(a, b Pos) bool {
	if a.File != b.File {
		return p.ranks[a.File] < p.ranks[b.File]
	}
	return a.Line > b.Line || a.Line == b.Line && a.Col > b.Col
}
