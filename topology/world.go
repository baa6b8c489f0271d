package topology

import "slices"

// world is the state as it grows from step to step.
type world struct {
	*parser
	State
	objects int // that were ever there
	size    int // of all states together
	nsAt    map[place]int
	brAt    map[string]int
	linkAt  map[string]int
	changed bool
	step    string       // that is being checked
	fine    map[Pos]bool // what was right at an earlier step
}

// place is the key of a namespace. What the world outside gives the host is
// kept apart from what the lab does: on a real machine it is there already.
type place struct {
	name    string
	outside bool
}

func placeOf(n *Namespace) place {
	return place{n.Name.Text, n.Outside && n.Name.Text == Host}
}

// apply adds what patches bring. Slices that an earlier state shares are
// never written to.
func (w *world) apply(patches ...patch) {
	for _, x := range patches {
		if x.empty() {
			continue
		}
		w.open()
		w.Namespaces = slices.Grow(w.Namespaces, len(x.namespaces))
		for i := range x.namespaces {
			w.addNamespace(&x.namespaces[i])
		}
		for i := range x.bridges {
			w.addBridge(&x.bridges[i])
		}
		w.addLinks(x.links)
		for _, n := range x.nat {
			n.Outside = n.Outside || w.isOutside(n.In.Text)
			w.NAT = append(w.NAT, n)
		}
		for _, f := range x.filter {
			w.addFilter(f)
		}
		w.addNetworks(x.networks)
		w.objects += len(x.links) + len(x.nat) + len(x.filter)
	}
}

// open makes the state writable.
func (w *world) open() {
	if w.changed {
		return
	}
	w.changed = true
	w.State = State{
		Namespaces: slices.Clone(w.Namespaces), Bridges: slices.Clone(w.Bridges), Links: slices.Clone(w.Links), NAT: slices.Clone(w.NAT), Filter: slices.Clone(w.Filter),
		Networks: slices.Clone(w.Networks),
	}
	w.index()
}

func (w *world) index() {
	w.nsAt, w.brAt, w.linkAt = map[place]int{}, map[string]int{}, map[string]int{}
	for i := range w.Namespaces {
		w.nsAt[placeOf(&w.Namespaces[i])] = i
	}
	for i := range w.Bridges {
		w.brAt[w.Bridges[i].Name.Text] = i
	}
	w.indexLinks()
}

func (w *world) indexLinks() {
	for i := range w.Links {
		w.linkAt[w.Links[i].name()] = i
	}
}

// checked returns the state after a step, once it has been checked.
func (w *world) checked(step string) State {
	w.step = step
	if w.changed {
		w.changed = false
		w.at = positions(w.Namespaces)
		w.handOut()
		w.leadOut()
		w.check()
	}
	w.size += len(w.Namespaces) + len(w.Bridges) + len(w.Links) + len(w.NAT) + len(w.Filter)
	return w.State
}

// positions says where each namespace is first.
func positions(namespaces []Namespace) map[string]int {
	at := make(map[string]int, len(namespaces))
	for i := range slices.Backward(namespaces) {
		at[namespaces[i].Name.Text] = i
	}
	return at
}

func (w *world) addNamespace(n *Namespace) {
	key := placeOf(n)
	i, known := w.nsAt[key]
	if !known {
		n.Outside = n.Outside || w.isOutside(n.shares())
		w.nsAt[key] = len(w.Namespaces)
		w.Namespaces = append(w.Namespaces, *n)
		w.objects++
		return
	}
	w.Namespaces[i].add(n)
}

// add merges a later mention of the namespace. What an earlier state shares is
// not written to.
func (n *Namespace) add(more *Namespace) {
	n.Lo = n.Lo || more.Lo
	if more.Network.Text != "" {
		n.Network = more.Network
	}
	if more.ForwardAt.Line != 0 {
		n.Forward, n.ForwardAt = more.Forward, more.ForwardAt
	}
	n.LoAddress = extended(n.LoAddress, more.LoAddress)
	n.Routes = extended(n.Routes, more.Routes)
	if more.autoGateway.Line != 0 {
		n.autoGateway = more.autoGateway
	}
	n.Neighbours = extended(n.Neighbours, more.Neighbours)
	n.FDB = extended(n.FDB, more.FDB)
	n.Services = extended(n.Services, more.Services)
	n.CNI = extended(n.CNI, more.CNI)
	n.Ports = replaced(n.Ports, more.Ports, Port.socket)
	n.Sysctls = replaced(n.Sysctls, more.Sysctls, func(s Sysctl) string { return s.Key.Text })
	n.Hosts = replaced(n.Hosts, more.Hosts, func(h HostEntry) string { return h.Name.Text })
	n.OwnHosts = n.OwnHosts || more.OwnHosts
	n.Aliases = extended(n.Aliases, more.Aliases)
	n.Linked = replaced(n.Linked, more.Linked, func(l NameLink) string { return l.Alias.Text })
	if more.Hostname.Text != "" {
		n.Hostname = more.Hostname
	}
	if more.Resolv.Pos.Line != 0 {
		n.Resolv = more.Resolv
	}
}

func (w *world) addBridge(b *bridgePatch) {
	i, known := w.brAt[b.Name.Text]
	if !known {
		if b.In.Text == "" {
			b.In.Text = Host
		}
		b.Outside = b.Outside || w.isOutside(b.In.Text)
		w.brAt[b.Name.Text] = len(w.Bridges)
		w.Bridges = append(w.Bridges, b.Bridge)
		w.objects++
		return
	}
	have := &w.Bridges[i]
	have.Addresses = extended(have.Addresses, b.Addresses)
	if b.Kind.Text != "" {
		have.Kind = b.Kind
	}
	if b.In.Text != "" {
		have.In = b.In
	}
	if b.MAC.Text != "" {
		have.MAC = b.MAC
	}
	if b.MTU != 0 {
		have.MTU = b.MTU
	}
	if b.stp {
		have.STP = b.STP
	}
}
