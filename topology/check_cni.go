package topology

import "slices"

// Conf returns the configuration of a network of CNI, "" when there is none.
func (s *State) Conf(network string) string {
	for _, n := range s.Networks {
		if n.Name.Text == network {
			return n.Conf
		}
	}
	return ""
}

// addNetworks adds networks of CNI; each is written once.
func (w *world) addNetworks(networks []Network) {
	for _, n := range networks {
		if w.Conf(n.Name.Text) != "" {
			w.add(n.Name.Pos, "cni", "the network %q is there already: plugins that were called with one configuration cannot be told another", n.Name.Text)
			continue
		}
		w.Networks = append(w.Networks, n)
		w.objects++
	}
}

// checkAttachments makes sure that networks exist, and that every interface is
// made by one of those who could make it.
func (w *world) checkAttachments(v *view) {
	for i := range w.Namespaces {
		n := &w.Namespaces[i]
		taken := v.names(n.Name.Text)
		for _, x := range n.CNI {
			if w.Conf(x.Network.Text) == "" {
				w.wrong(x.Network.Pos, "%s", Unknown("network", x.Network.Text, w.knownCNI()))
			}
			if slices.Contains(taken, x.IfName.Text) {
				w.wrong(x.Pos, "%s already has an interface %s: give another `ifname`", n.Name, x.IfName.Text)
			}
			taken = append(taken, x.IfName.Text)
			w.hasStack(n.Name, x.Pos)
		}
	}
}

func (w *world) knownCNI() []string {
	var out []string
	for _, n := range w.Networks {
		out = append(out, n.Name.Text)
	}
	return out
}

func (w *world) dropAttachment(f []string) bool {
	return w.inNamespace(f[0], func(n *Namespace) bool {
		before := len(n.CNI)
		n.CNI = dropped(n.CNI, func(x Attachment) bool { return x.IfName.Text == f[1] })
		return len(n.CNI) < before
	})
}

func (w *world) knownAttachments() []string {
	var out []string
	for i := range w.Namespaces {
		for _, x := range w.Namespaces[i].CNI {
			out = append(out, w.Namespaces[i].Name.Text+" "+x.IfName.Text)
		}
	}
	return out
}
