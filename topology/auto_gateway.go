package topology

import "slices"

// leadOut makes `gateway: auto` the default routes that it stands for: by the
// address of the bridge that the namespace's first cable is plugged into, as
// Docker does. They stay, like an address that was handed out.
func (w *world) leadOut() {
	for i := range w.Namespaces {
		n := &w.Namespaces[i]
		if n.autoGateway.Line == 0 || n.shares() != "" { // which is a mistake of its own
			continue
		}
		routes := w.byBridge(n)
		if len(routes) == 0 && !w.unsure[n.Name.Text] {
			w.wrong(n.autoGateway, "`auto` takes the address of a bridge: %s must be plugged into one that has an address in its network", n.Name)
		}
		n.Routes, n.autoGateway = extended(n.Routes, routes), Pos{}
	}
}

// byBridge are default routes over the first bridge that has an address in a
// network of the namespace, one for each family.
func (w *world) byBridge(n *Namespace) []Route {
	for i := range w.Links {
		ends := w.Links[i].Ends
		for j := range ends {
			if len(ends) != 2 || ends[j].Node.Text != n.Name.Text {
				continue
			}
			bridge, ok := w.Bridge(ends[1-j].Node.Text)
			if !ok {
				continue
			}
			if out := n.over(bridge, ends[j].Addresses); len(out) > 0 {
				return out
			}
		}
	}
	return nil
}

func (n *Namespace) over(bridge *Bridge, own []Address) []Route {
	var out []Route
	for _, b := range bridge.Addresses {
		via := b.Prefix.Addr()
		near := slices.ContainsFunc(own, func(a Address) bool { return a.Prefix.Contains(via) })
		known := slices.ContainsFunc(out, func(r Route) bool { return r.Via.Is4() == via.Is4() })
		if near && !known {
			out = append(out, Route{To: anywhere(via), Via: via, Pos: n.autoGateway})
		}
	}
	return out
}
