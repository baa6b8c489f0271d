package discover

// pair finds the other ends. An interface knows the index of its peer or its
// parent, and the number that its own namespace has for the one where that is
// (IFLA_LINK and IFLA_LINK_NETNSID, see ip-netns(8), list-id): an index alone
// means nothing, every namespace counts from 1.
func (m *Machine) pair() {
	for _, n := range m.Namespaces {
		for _, i := range n.Interfaces {
			if master := n.byIndex(i.over); i.over != 0 && master != nil && i.Master == "" {
				i.Master = master.Name
			}
			end := n.follow(i)
			switch {
			case i.Kind == "veth":
				i.Peer = end
			case end != nil && (end.Namespace != n.Name || end.Interface != i.Name):
				i.Parent = end
			}
		}
	}
}

// follow returns what an interface hangs on, nil when that is nothing, or in a
// namespace that was not found.
func (n *Namespace) follow(i *Interface) *End {
	there := n
	if i.where >= 0 {
		there = n.ids[i.where]
	}
	index := i.link
	if i.VXLAN != nil && i.where >= 0 && index == 0 && there != nil && there != n {
		return &End{Namespace: there.Name} // it leaves from there, by whatever interface
	}
	if index == 0 && i.where >= 0 {
		index = i.Index // the kernel leaves out an index that is the same on both sides
	}
	if there == nil || index == 0 {
		return nil
	}
	if other := there.byIndex(index); other != nil {
		return &End{there.Name, other.Name}
	}
	return nil
}
