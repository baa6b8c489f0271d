package topology

// checkTunnels finds two tunnels that could not tell their packets apart: of one
// network, at one port of one namespace. The kernel takes the first only.
func (w *world) checkTunnels() {
	type key struct{ ns, kind, id, port string }
	first := map[key]Pos{}
	for _, l := range w.Links {
		id := l.Options.Get("id")
		if id.Kind != Scalar || len(l.Ends) != 1 {
			continue
		}
		ns, _ := w.Place(l.Ends[0])
		if l.Parent != nil {
			ns, _ = w.Place(*l.Parent)
		}
		k := key{ns, l.Kind.Text, id.Text, l.Options.Get("port").Text}
		if other, taken := first[k]; taken && other != l.Pos {
			w.wrong(l.Pos, "%s already has a %s of the network %s at this port (%s): give one of them another id or port", ns, l.Kind, id.Text, near(other, l.Pos))
		} else if !taken {
			first[k] = l.Pos
		}
	}
}
