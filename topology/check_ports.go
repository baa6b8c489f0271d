package topology

import "slices"

// taken is a port that somebody has on a host.
type taken struct {
	ns      string // whose host
	by      string
	service bool // not published
	port    Port
	pos     Pos
}

// checkPorts finds ports that cannot be published, in Docker's own words where
// Docker has any.
func (w *world) checkPorts() {
	all := w.served()
	for i := range w.Namespaces {
		n := &w.Namespaces[i]
		home, problem := w.publisher(n)
		if problem != "" {
			w.wrong(n.Ports[0].Pos, "%s", problem)
			continue
		}
		for _, o := range n.Ports {
			t := taken{ns: home.NS, by: n.Name.Text, port: o, pos: o.Pos}
			if i := slices.IndexFunc(all, t.clashes); i >= 0 && all[i].pos != o.Pos {
				w.clash(t, all[i])
			}
			all = append(all, t)
		}
	}
}

// served are the ports that services have.
func (w *world) served() []taken {
	var all []taken
	for i := range w.Namespaces {
		name := w.Namespaces[i].Name.Text
		for _, s := range w.Namespaces[i].Services {
			if s.port() != 0 {
				o := Port{Published: uint16(s.port()), Protocol: s.protocol()}
				all = append(all, taken{ns: w.home(name), by: "a service of " + name, service: true, port: o, pos: s.Kind.Pos})
			}
		}
	}
	return all
}

// publisher is where a namespace publishes its ports, or why it cannot.
func (w *world) publisher(n *Namespace) (home Publisher, problem string) {
	if len(n.Ports) == 0 {
		return home, ""
	}
	home, ok := w.Publisher(n.Name.Text)
	switch of := n.shares(); {
	case of == Host:
		problem = "Published ports are discarded when using host network mode: what listens there has its port on the host already"
	case of != "":
		problem = "conflicting options: port publishing and the container type network mode: publish the port of " + of
	case !ok:
		problem = n.Name.Text + " has no cable, with an address, to a host that could publish its ports"
	}
	return home, problem
}

// clashes says whether two would listen at one address: 0.0.0.0 is every one.
func (t taken) clashes(other taken) bool {
	a, b := t.port, other.port
	same := a.HostIP == b.HostIP || !a.HostIP.IsValid() || !b.HostIP.IsValid()
	return t.ns == other.ns && a.Published == b.Published && a.Protocol == b.Protocol && same
}

func (w *world) clash(t, other taken) {
	if t.port.HostIP == other.port.HostIP && !other.service {
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
