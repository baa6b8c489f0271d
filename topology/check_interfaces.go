package topology

const minMTU6 = 1280 // RFC 8200, section 5

// checkInterfaces finds interfaces that cannot stand side by side, or cannot
// be what the file makes of them.
func (w *world) checkInterfaces(v *view) {
	w.checkSelf()
	w.checkHairpins()
	type key struct{ ns, name string }
	first := make(map[key]*device, len(v.interfaces))
	for i := range v.interfaces {
		d := &v.interfaces[i]
		k := key{d.ns, d.name}
		if other, taken := first[k]; taken && other.pos != d.pos && !w.said[said{d.pos, selfCable}] {
			w.wrong(d.pos, "%s already has an interface %s (%s)", d.ns, d.name, near(other.pos, d.pos))
		} else if !taken {
			first[k] = d
		}
		w.checkPort(*d)
		if d.mtu != 0 && d.mtu < minMTU6 && anyIPv6(d.addresses) {
			w.wrong(d.pos, "an mtu of %d is too small for the IPv6 address of %s: IPv6 needs %d", d.mtu, d.label, minMTU6)
		}
	}
}

// checkHairpins finds ends that are no port of a bridge, which alone has that
// setting.
func (w *world) checkHairpins() {
	for _, l := range w.Links {
		for _, e := range l.Ends {
			b, port := w.Bridge(e.Node.Text)
			switch {
			case !e.Hairpin:
			case !port:
				w.wrong(e.Pos, "only a port of a bridge can send frames back to where they came from (`hairpin`): %s is not plugged into one", e)
			case b.OpenVSwitch():
				w.wrong(e.Pos, "a port of Open vSwitch has no `hairpin`: a bridge of the kernel has")
			}
		}
	}
}

const selfCable = "the cable connects %s with itself: name another end"

// checkSelf finds cables whose two plugs would be one.
func (w *world) checkSelf() {
	for _, l := range w.Links {
		if len(l.Ends) == 2 && l.Ends[0].String() == l.Ends[1].String() {
			w.wrong(l.Ends[1].Pos, selfCable, l.Ends[0])
		}
	}
}

func (w *world) checkPort(d device) {
	if d.port == "" || len(d.addresses) == 0 {
		return
	}
	a := d.addresses[0]
	w.wrong(a.Pos, "%s is a port of the bridge %s, and a port does not answer to an address: give it to the bridge (bridges: {%s: {addresses: [%s]}})",
		d.name, d.port, d.port, quoted6(a))
}

// quoted6 is an address as it must be written inside [] in YAML.
func quoted6(a Address) string {
	if a.Prefix.Addr().Is6() {
		return `"` + a.Prefix.String() + `"`
	}
	return a.Prefix.String()
}
