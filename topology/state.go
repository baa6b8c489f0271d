package topology

import "net/netip"

// Namespace returns the namespace called name. The host may be there twice,
// as the world outside describes it and as the lab does: it is returned as the
// one that it is, and a name or a setting that both give is the lab's.
func (s *State) Namespace(name string) (*Namespace, bool) {
	if i, ok := s.at[name]; s.at != nil && (!ok || name != Host) {
		if !ok {
			return nil, false
		}
		return &s.Namespaces[i], true
	}
	var found *Namespace
	for i := range s.Namespaces {
		n := &s.Namespaces[i]
		switch {
		case n.Name.Text != name:
		case found == nil:
			found = n
		default:
			both := *found
			both.add(n)
			both.Outside = found.Outside && n.Outside
			found = &both
		}
	}
	return found, found != nil
}

// Bridge returns the bridge called name.
func (s *State) Bridge(name string) (*Bridge, bool) {
	for i := range s.Bridges {
		if s.Bridges[i].Name.Text == name {
			return &s.Bridges[i], true
		}
	}
	return nil, false
}

// Home is the namespace in which a node's interfaces are: mostly the node itself,
// else the one whose network it has (`network: host`, `network: "container:web"`).
func (s *State) Home(node string) string {
	if ns, ok := s.Namespace(node); ok && ns.shares() != "" {
		return ns.shares()
	}
	return node
}

// Place says where the end of a link lives: in which namespace, and as a port
// of which bridge ("" when of none).
func (s *State) Place(e End) (ns, master string) {
	if b, ok := s.Bridge(e.Node.Text); ok {
		return b.In.Text, b.Name.Text
	}
	return e.Node.Text, ""
}

// AddressesOf returns the addresses of the interfaces of a node (a namespace,
// the host, or a bridge) in file order, lo excluded.
func (s *State) AddressesOf(node string) []netip.Prefix {
	node = s.Home(node)
	var out []netip.Prefix
	add := func(as []Address) {
		for _, a := range as {
			out = append(out, a.Prefix)
		}
	}
	for i := range s.Bridges {
		b := &s.Bridges[i]
		if b.Name.Text == node || b.In.Text == node {
			add(b.Addresses)
		}
	}
	for i := range s.Links {
		for _, e := range s.Links[i].Ends {
			if e.Node.Text == node {
				add(e.Addresses)
			}
		}
	}
	return out
}

// HasNode says whether name is a namespace, a bridge or the host.
func (s *State) HasNode(name string) bool {
	if name == Host {
		return true
	}
	if _, ok := s.Namespace(name); ok {
		return true
	}
	_, ok := s.Bridge(name)
	return ok
}

// HasIPv6 says whether any step has an IPv6 address.
func (t *Topology) HasIPv6() bool {
	for i := range t.Steps {
		if t.Steps[i].State.HasIPv6() {
			return true
		}
	}
	return false
}

// HasIPv6 says whether any object of the state carries an IPv6 address.
func (s *State) HasIPv6() bool {
	for i := range s.Bridges {
		if anyIPv6(s.Bridges[i].Addresses) {
			return true
		}
	}
	for i := range s.Links {
		for _, e := range s.Links[i].Ends {
			if anyIPv6(e.Addresses) {
				return true
			}
		}
	}
	return false
}

func anyIPv6(as []Address) bool {
	for _, a := range as {
		if a.Prefix.Addr().Is6() {
			return true
		}
	}
	return false
}
