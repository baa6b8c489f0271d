package lab

import (
	"fmt"
	"slices"

	"nslab/lab/op"
	"nslab/topology"
)

// room refuses the name of a namespace that is taken.
func (m *machine) room(_ wanted, s Step) *Collision {
	name := newRoom(s.Op)
	switch m.rooms[name] {
	case "":
		return nil
	case plainFile:
		return &Collision{
			s.Pos, fmt.Sprintf("/run/netns/%s is a plain file: what a killed program, or a reboot, has left of a namespace", name),
			[]string{"ip netns del " + name, "or choose another name"},
		}
	case lostRoom:
		return &Collision{s.Pos, fmt.Sprintf("a namespace %s is left of a lab whose state is lost", name), []string{"nslab gc"}}
	}
	return &Collision{
		s.Pos, "this machine has a namespace " + name + " already",
		[]string{"choose another name, or ip netns del " + name + " if nobody needs it", inSandbox},
	}
}

// newRoom is the name under /run/netns that a fact makes, "" when none.
func newRoom(o op.Op) string {
	switch o := o.(type) {
	case op.Namespace:
		return o.Name
	case op.Attach:
		return o.Name
	}
	return ""
}

// device refuses the name of an interface of the host that is taken.
func (m *machine) device(w wanted, s Step) *Collision {
	for _, made := range op.Makes(s.Op) {
		dev, onHost := hostDevice(made)
		l, there := m.links[dev]
		switch {
		case !onHost || !there || w.standing[dev]: // or to be made anew, with another MTU
		case l.card:
			return &Collision{s.Pos, fmt.Sprintf("%s is a network card of this machine", dev), []string{"choose another name", inSandbox}}
		case l.lost:
			return &Collision{s.Pos, fmt.Sprintf("an interface %s is left of a lab whose state is lost", dev), []string{"nslab gc"}}
		default:
			return l.there(s.Pos, dev)
		}
	}
	return nil
}

// there refuses the name of an interface, and says who has it where the name tells.
func (l link) there(pos topology.Pos, dev string) *Collision {
	c := &Collision{pos, fmt.Sprintf("this machine has an interface %s already (%s)", dev, l.kind), []string{"choose another name", inSandbox}}
	if who, help := maker(dev); who != "" {
		c.Msg += ", by its name one of " + who
		c.Cures = slices.Insert(c.Cures, 1, help)
	}
	return c
}

// touched refuses to change an interface that is not the lab's own: an address
// more, a master, up or down are enough to cut a machine off.
func (m *machine) touched(w wanted, s Step) *Collision {
	var dev string
	switch o := s.Op.(type) {
	case op.Addr:
		dev = onHost(o.NS, o.Dev)
	case op.Master:
		dev = onHost(o.NS, o.Dev)
		if dev == "" || w.made[dev] {
			dev = onHost(o.NS, o.Bridge)
		}
	case op.OVSPort:
		dev = onHost(o.NS, o.Dev)
	case op.Checksums:
		dev = onHost(o.NS, o.Dev)
	case op.Up:
		dev = onHost(o.NS, o.Dev)
	case op.Neighbour:
		dev = onHost(o.NS, o.Dev)
	case op.FDB:
		dev = onHost(o.NS, o.Dev)
	}
	if dev == "" || dev == "lo" || w.made[dev] {
		return nil
	}
	return &Collision{
		s.Pos, fmt.Sprintf("%q would change %s, which belongs to this machine", s.Op, dev),
		[]string{"give the lab an interface of its own: a bridge, or an end of a cable", inSandbox},
	}
}

func onHost(ns, dev string) string {
	if ns == topology.Host {
		return dev
	}
	return ""
}
