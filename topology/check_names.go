package topology

import "strings"

// checkNames finds nodes that could be taken for each other.
func (w *world) checkNames() {
	first := map[string]Word{}
	meet := func(what string, name Word, clash string) {
		low := strings.ToLower(name.Text)
		other, taken := first[low]
		switch {
		case !taken:
			first[low] = name
		case other.Text != name.Text:
			w.wrong(name.Pos, "%q and %q (%s) differ only in case", name.Text, other.Text, near(other.Pos, name.Pos))
		case clash != "":
			w.wrong(name.Pos, "%s", what+" "+name.Text+" has the name of "+clash+" ("+near(other.Pos, name.Pos)+"): call one of them otherwise, or an end like "+name.Text+":eth0 could mean either")
		}
	}
	for i := range w.Namespaces {
		meet("the namespace", w.Namespaces[i].Name, "")
	}
	for i := range w.Bridges {
		meet("the bridge", w.Bridges[i].Name, "a namespace")
	}
}

// checkNodes finds names of nodes that do not exist.
func (w *world) checkNodes(v *view) {
	for i := range w.Bridges {
		w.namespaceExists(w.Bridges[i].In)
	}
	for _, n := range w.NAT {
		w.namespaceExists(n.In)
	}
	for _, f := range w.Filter {
		w.namespaceExists(f.In)
	}
	for _, l := range w.Links {
		for _, e := range l.every() {
			w.nodeExists(e)
		}
		if l.Parent != nil {
			w.parentExists(v, *l.Parent)
		}
	}
}

func (w *world) namespaceExists(name Word) {
	if name.Text == Host || w.hasNamespace(name.Text) || w.full() {
		return
	}
	w.wrong(name.Pos, "%s", Unknown("namespace", name.Text, append(w.knownNamespaces(), Host)))
}

func (w *world) hasNamespace(name string) bool {
	_, ok := w.nsAt[place{name: name}]
	return ok
}

func (w *world) nodeExists(e End) {
	if _, bridge := w.brAt[e.Node.Text]; bridge || e.Node.Text == Host || w.hasNamespace(e.Node.Text) {
		return
	}
	if w.full() {
		w.count++
		return
	}
	w.wrong(e.Node.Pos, "%s", Unknown("node", e.Node.Text, w.names()))
}

func (w *world) parentExists(v *view, e End) {
	ns := e.Node.Text
	if b, ok := w.Bridge(ns); ok {
		w.wrong(e.Pos, "the parent of a link is in a namespace, and %s is a bridge: write %s:%s", ns, b.In, ns)
		return
	}
	if e.Interface.Text == "" || ns == Host && w.real {
		return
	}
	for _, i := range v.at[ns] {
		if v.interfaces[i].name == e.Interface.Text {
			return
		}
	}
	if _, ok := w.nsAt[place{name: ns}]; ok || ns == Host {
		w.wrong(e.Pos, "%s", Unknown("interface of "+ns, e.Interface.Text, v.names(ns)))
	}
}
