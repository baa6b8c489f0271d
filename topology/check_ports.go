package topology

import "slices"

// taken is a port that somebody has on a host.
type taken struct {
	ns   string // whose host
	by   string
	port Port
	pos  Pos
}

// checkPorts finds ports that cannot be published, in Docker's own words where
// Docker has any.
func (w *world) checkPorts() {
	var all []taken
	for i := range w.Namespaces {
		n := &w.Namespaces[i]
		for _, s := range n.Services {
			if s.port() != 0 {
				o := Port{Published: uint16(s.port()), Protocol: s.protocol()}
				all = append(all, taken{n.Name.Text, "a service of " + n.Name.Text, o, s.Kind.Pos})
			}
		}
	}
	for i := range w.Namespaces {
		n := &w.Namespaces[i]
		if len(n.Ports) == 0 {
			continue
		}
		home, ok := w.Publisher(n.Name.Text)
		if !ok {
			w.wrong(n.Ports[0].Pos, "%s has no cable, with an address, to a host that could publish its ports", n.Name)
			continue
		}
		for _, o := range n.Ports {
			t := taken{home.NS, n.Name.Text, o, o.Pos}
			if i := slices.IndexFunc(all, t.clashes); i >= 0 && all[i].pos != o.Pos {
				w.clash(t, all[i])
			}
			all = append(all, t)
		}
	}
}

// clashes says whether two would listen at one address: 0.0.0.0 is every one.
func (t taken) clashes(other taken) bool {
	a, b := t.port, other.port
	same := a.HostIP == b.HostIP || !a.HostIP.IsValid() || !b.HostIP.IsValid()
	return t.ns == other.ns && a.Published == b.Published && a.Protocol == b.Protocol && same
}

func (w *world) clash(t, other taken) {
	if t.port.HostIP == other.port.HostIP && other.by != "a service of "+other.ns {
		w.wrong(t.pos, "Bind for %s failed: port is already allocated (%s has it, %s)", t.port.bind(), other.by, near(other.pos, t.pos))
		return
	}
	family := "4"
	if t.port.HostIP.Is6() {
		family = "6"
	}
	w.wrong(t.pos, "listen %s%s %s: bind: address already in use (%s has %s, %s)",
		t.port.Protocol, family, t.port.bind(), other.by, other.port.bind(), near(other.pos, t.pos))
}

func (w *world) dropPort(f []string) bool {
	return w.inNamespace(f[0], func(n *Namespace) bool {
		before := len(n.Ports)
		n.Ports = dropped(n.Ports, func(o Port) bool { return o.written() == f[1] })
		return len(n.Ports) < before
	})
}

func (w *world) knownPorts() []string {
	var out []string
	for i := range w.Namespaces {
		for _, o := range w.Namespaces[i].Ports {
			out = append(out, w.Namespaces[i].Name.Text+" "+o.written())
		}
	}
	return out
}
