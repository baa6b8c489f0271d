package topology

import "fmt"

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
			w.wrong(l.Pos, "this cable closes a circle of switches: the first broadcast would go round in it for ever and take all of the machine's time; %s", w.cutOpen(l))
			continue
		}
		root[a] = b
	}
}

// cutOpen says what to do about the cable that closes a circle.
func (w *world) cutOpen(l Link) string {
	for _, e := range []End{l.Ends[1], l.Ends[0]} {
		if b, _ := w.Bridge(e.Node.Text); !b.OpenVSwitch() {
			return fmt.Sprintf("give one of them `stp: true` (bridges: {%s: {stp: true}}), or leave the cable out", e.Node)
		}
	}
	return "leave the cable out (`stp` is not for a bridge of Open vSwitch)"
}

// floods says whether an end is the port of a switch that sends on everything.
func (w *world) floods(e End) bool {
	i, ok := w.brAt[e.Node.Text]
	return ok && !w.Bridges[i].STP
}
