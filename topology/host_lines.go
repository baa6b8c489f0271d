package topology

import (
	"net/netip"
	"slices"
	"strings"
)

// HostLine is a line of hosts(5): an address and its names.
type HostLine struct {
	Addr  netip.Addr
	Names []string
}

func (l HostLine) String() string { return l.Addr.String() + " " + strings.Join(l.Names, " ") }

// HostLines are the lines of the hosts file of a namespace beside those of
// every one, in the order in which Docker has them: what the file says, the
// namespaces it is linked to, its own name. A linked namespace that has no
// address now has no line.
func (s *State) HostLines(n *Namespace) []HostLine {
	var out []HostLine
	for _, h := range n.Hosts {
		out = append(out, HostLine{h.Address, []string{h.Name.Text}})
	}
	for _, l := range n.Linked {
		names := []string{l.Alias.Text}
		if to, ok := s.Namespace(l.To.Text); ok {
			names = append(names, slices.DeleteFunc(to.names(), func(x string) bool { return x == l.Alias.Text })...)
		}
		for _, a := range s.seen(n.Name.Text, l.To.Text) {
			out = append(out, HostLine{a, names})
		}
	}
	if n.Hostname.Text != "" {
		for _, p := range s.AddressesOf(n.Name.Text) {
			out = append(out, HostLine{p.Addr(), []string{n.Hostname.Text}})
		}
	}
	return out
}

// names are what Docker calls a container in the files of others: its host
// name and its own.
func (n *Namespace) names() []string {
	if n.Hostname.Text == "" || n.Hostname.Text == n.Name.Text {
		return []string{n.Name.Text}
	}
	return []string{n.Hostname.Text, n.Name.Text}
}

// seen are the addresses that `from` sees a node at: those in a network that
// both are in, else the one that Resolve finds.
func (s *State) seen(from, to string) []netip.Addr {
	var out []netip.Addr
	mine := s.AddressesOf(from)
	for _, t := range s.AddressesOf(to) {
		if slices.ContainsFunc(mine, func(m netip.Prefix) bool { return m.Masked() == t.Masked() }) {
			out = append(out, t.Addr())
		}
	}
	if len(out) > 0 {
		return out
	}
	if a, err := s.Resolve(from, to); err == nil {
		out = append(out, a)
	}
	return out
}

// Knows says whether a hosts file of the namespace has the name.
func (s *State) Knows(n *Namespace, name string) bool {
	return slices.ContainsFunc(s.HostLines(n), func(l HostLine) bool {
		return slices.ContainsFunc(l.Names, func(x string) bool { return strings.EqualFold(x, name) })
	})
}

// networkNames are everybody on the networks that a namespace is plugged into,
// itself among them, under every name they have.
func (s *State) networkNames(ns string) []HostLine {
	on := map[string]bool{}
	for i := range s.Links {
		for _, e := range s.Links[i].Ends {
			if e.Node.Text == ns {
				on[s.network(s.Links[i])] = true
			}
		}
	}
	var out []HostLine
	for i := range s.Links {
		if !on[s.network(s.Links[i])] {
			continue
		}
		for _, e := range s.Links[i].Ends {
			if n, ok := s.Namespace(e.Node.Text); ok && n.Name.Text != Host {
				out = append(out, n.lines(e)...)
			}
		}
	}
	return out
}

// lines are the names of a namespace for the addresses of one of its interfaces.
func (n *Namespace) lines(e End) []HostLine {
	names := n.names()
	slices.Reverse(names) // what a person calls it comes first
	for _, a := range n.Aliases {
		names = append(names, a.Text)
	}
	var out []HostLine
	for _, a := range e.Addresses {
		out = append(out, HostLine{a.Prefix.Addr(), names})
	}
	return out
}

// network names what the ends of a link hear each other on: a switch, the wire
// of a parent, or the cable itself.
func (s *State) network(l Link) string {
	for _, e := range l.Ends {
		if _, ok := s.Bridge(e.Node.Text); ok {
			return e.Node.Text
		}
	}
	if l.sharesSegment() {
		return l.Parent.String()
	}
	return l.name()
}
