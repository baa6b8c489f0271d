package topology

import "strings"

const (
	noNetwork     = "none"       // nothing but lo
	containerMode = "container:" // before the name of the namespace whose network it is
)

// network reads `network`, in the words of `docker run --network`.
func (p *parser) network(a *Args, name Word) Word {
	w := a.Word("network")
	p.paths[w.Pos] = at(a.path, "network")
	of, shared := strings.CutPrefix(w.Text, containerMode)
	switch {
	case w.Pos.Line == 0:
	case name.Text == Host:
		p.add(w.Pos, p.paths[w.Pos], "the host has its own network")
	case shared && of == Host:
		p.add(w.Pos, p.paths[w.Pos], "write network: host")
	case w.Text != noNetwork && w.Text != Host && (!shared || of == ""):
		p.add(w.Pos, p.paths[w.Pos], "want none, host or \"container:NAME\", found %q: what is plugged into a bridge gets a cable (links)", cut(w.Text))
	default:
		return w
	}
	return Word{}
}

// shares names the namespace whose network this one has, "" when it has its own.
func (n *Namespace) shares() string {
	if n.Network.Text == Host {
		return Host
	}
	of, _ := strings.CutPrefix(n.Network.Text, containerMode)
	if of == n.Network.Text {
		return ""
	}
	return of
}

// checkShared finds namespaces that cannot have the network that they name,
// and what is put into one that has none of its own.
func (w *world) checkShared() {
	for i := range w.Namespaces {
		n := &w.Namespaces[i]
		switch of := n.shares(); {
		case of == "" || of == Host:
		case of == n.Name.Text:
			w.wrong(n.Network.Pos, "%s cannot have its own network from itself", of)
		case !w.hasNamespace(of) && !w.full():
			w.wrong(n.Network.Pos, "%s", Unknown("namespace", of, w.knownNamespaces()))
		case w.home(of) != of:
			w.wrong(n.Network.Pos, "%s itself has the network of %s: name that one", of, w.home(of))
		}
		if has := n.stack(); n.shares() != "" && has != "" {
			w.wrong(n.Network.Pos, "%s has the network of %s: `%s` belongs there", n.Name, n.shares(), has)
		}
	}
	for i := range w.Links {
		for _, e := range w.Links[i].Ends {
			w.hasStack(e.Node, e.Node.Pos)
		}
	}
	for i := range w.Bridges {
		w.hasStack(w.Bridges[i].In, w.Bridges[i].In.Pos)
	}
	for i := range w.NAT {
		w.hasStack(w.NAT[i].In, w.NAT[i].Pos)
	}
	for i := range w.Filter {
		w.hasStack(w.Filter[i].In, w.Filter[i].Pos)
	}
}

// hasStack makes sure that a namespace can be given an interface or a rule.
func (w *world) hasStack(node Word, pos Pos) {
	i, ok := w.nsAt[place{name: node.Text}]
	switch {
	case !ok:
	case w.home(node.Text) != node.Text:
		w.wrong(pos, "%s has the network of %s: name that one here", node, w.home(node.Text))
	case w.Namespaces[i].Network.Text == noNetwork:
		w.wrong(pos, "%s has `network: none`: take that away, or plug nothing in", node)
	}
}

// home is State.Home by the index of names.
func (w *world) home(node string) string {
	if i, ok := w.nsAt[place{name: node}]; ok && w.Namespaces[i].shares() != "" {
		return w.Namespaces[i].shares()
	}
	return node
}

// stack is a key of what only a network of its own can have, "" when there is none.
func (n *Namespace) stack() string {
	for _, x := range []struct {
		key string
		has bool
	}{
		{"lo", n.Lo},
		{"forwarding", n.Forward},
		{"routes", len(n.Routes) > 0},
		{"gateway", n.autoGateway.Line != 0},
		{"sysctls", len(n.Sysctls) > 0},
		{"neighbours", len(n.Neighbours) > 0},
		{"fdb", len(n.FDB) > 0},
		{"cni", len(n.CNI) > 0},
	} {
		if x.has {
			return x.key
		}
	}
	return ""
}
