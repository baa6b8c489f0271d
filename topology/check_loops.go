package topology

// checkLoops finds switches in a circle. A frame for everybody goes round for
// ever in it, faster and faster, until the machine does nothing else. One
// switch of the circle that runs STP (IEEE 802.1D) cuts it open.
func (w *world) checkLoops() {
	root := map[string]string{}
	find := func(b string) string {
		for root[b] != "" {
			b = root[b]
		}
		return b
	}
	for _, l := range w.Links {
		if len(l.Ends) != 2 || !w.floods(l.Ends[0]) || !w.floods(l.Ends[1]) {
			continue
		}
		a, b := find(l.Ends[0].Node.Text), find(l.Ends[1].Node.Text)
		if a == b {
			w.wrong(l.Pos, "this cable closes a circle of switches: the first broadcast would go round in it for ever and take all of the machine's time; give one of them `stp: true` (bridges: {%s: {stp: true}}), or leave the cable out", l.Ends[1].Node)
			continue
		}
		root[a] = b
	}
}

// floods says whether an end is the port of a switch that sends on everything.
func (w *world) floods(e End) bool {
	i, ok := w.brAt[e.Node.Text]
	return ok && !w.Bridges[i].STP
}
