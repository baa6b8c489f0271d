package lab

import (
	"slices"
	"strings"

	"nslab/lab/op"
	"nslab/topology"
)

// names makes the facts of the files by which a namespace knows names. The
// world outside and the lab may both say something of the lab's host, and it
// has only one file of each. Who has the network of another namespace has its
// names as well, as in Docker, unless the file says otherwise.
func (c *compiler) names(ns *topology.Namespace) {
	whole, hostsAt, resolvAt := ns, hostsAt(ns), ns.Resolv.Pos
	home, _ := c.state.Namespace(c.state.Home(ns.Name.Text))
	switch {
	case home == nil:
		return
	case home.Name.Text == ns.Name.Text && !c.machine:
		whole = home
	case home.Name.Text != ns.Name.Text && home.Name.Text != topology.Host && !named(ns) && !resolves(ns):
		whole, hostsAt, resolvAt = home, ns.Network.Pos, ns.Network.Pos
	}
	if lines := c.state.HostLines(whole); (len(lines) > 0 || whole.OwnHosts) && c.first(ns, named) {
		var text strings.Builder
		for _, l := range lines {
			text.WriteString(l.String() + "\n")
		}
		c.add(hostsAt, op.Hosts{NS: ns.Name.Text, Lines: text.String()})
	}
	if resolves(whole) && c.first(ns, resolves) {
		c.add(resolvAt, op.Resolv{NS: ns.Name.Text, Lines: whole.Resolv.Lines()})
	}
}

// first says whether ns is the first entry of its name that says a thing, or
// the only entry: only the host may have two.
func (c *compiler) first(ns *topology.Namespace, says func(*topology.Namespace) bool) bool {
	if ns.Name.Text != topology.Host {
		return true
	}
	i := slices.IndexFunc(c.state.Namespaces, func(n topology.Namespace) bool {
		return n.Name.Text == ns.Name.Text && !c.elsewhere(n.Outside) && says(&n)
	})
	return i >= 0 && &c.state.Namespaces[i] == ns
}

// named says whether an entry asks for a hosts file.
func named(n *topology.Namespace) bool {
	return n.OwnHosts || len(n.Hosts)+len(n.Linked) > 0 || n.Hostname.Text != ""
}

func resolves(n *topology.Namespace) bool { return n.Resolv.Pos.Line != 0 }

// hostsAt is where the file asks for a hosts file.
func hostsAt(n *topology.Namespace) topology.Pos {
	switch {
	case len(n.Hosts) > 0:
		return n.Hosts[0].Name.Pos
	case len(n.Linked) > 0:
		return n.Linked[0].To.Pos
	case n.Hostname.Text != "":
		return n.Hostname.Pos
	}
	return n.Name.Pos
}
