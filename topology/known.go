package topology

import "strconv"

// The lists of what `remove` could have meant.

func number16(n uint16) string { return strconv.Itoa(int(n)) }

func (w *world) knownNamespaces() []string {
	var out []string
	for i := range w.Namespaces {
		if name := w.Namespaces[i].Name.Text; name != Host {
			out = append(out, name)
		}
	}
	return out
}

func (w *world) knownBridges() []string {
	var out []string
	for i := range w.Bridges {
		out = append(out, w.Bridges[i].Name.Text)
	}
	return out
}

func (w *world) knownLinks() []string {
	var out []string
	for _, l := range w.Links {
		for _, e := range l.Ends {
			out = append(out, e.String())
		}
	}
	return out
}

func (w *world) knownNAT() []string {
	var out []string
	for _, n := range w.NAT {
		out = append(out, n.written())
	}
	return out
}

func (w *world) knownRoutes() []string {
	var out []string
	for i := range w.Namespaces {
		for _, r := range w.Namespaces[i].Routes {
			out = append(out, w.Namespaces[i].Name.Text+" "+r.destination())
		}
	}
	return out
}

// destination is the target of a route as ip-route(8) prints it.
func (r Route) destination() string {
	switch {
	case r.To.Bits() == 0:
		return anyRoute
	case r.To.IsSingleIP():
		return r.To.Addr().String()
	}
	return r.To.String()
}

func (w *world) knownServices() []string {
	var out []string
	for i := range w.Namespaces {
		for _, s := range w.Namespaces[i].Services {
			name := w.Namespaces[i].Name.Text + " " + s.Kind.Text
			if n := s.port(); n != 0 {
				name += " " + strconv.Itoa(n)
			}
			out = append(out, name)
		}
	}
	return out
}

func (w *world) knownAddresses() []string {
	var out []string
	add := func(name string, as []Address) {
		for _, a := range as {
			out = append(out, name+" "+a.Prefix.String())
		}
	}
	for i := range w.Namespaces {
		add(w.Namespaces[i].Name.Text+":lo", w.Namespaces[i].LoAddress)
	}
	for i := range w.Bridges {
		add(w.Bridges[i].Name.Text, w.Bridges[i].Addresses)
	}
	for _, l := range w.Links {
		for _, e := range l.Ends {
			add(e.String(), e.Addresses)
		}
	}
	return out
}
