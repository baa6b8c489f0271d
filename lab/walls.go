package lab

import (
	"slices"
	"strings"
)

// Walls is what of this machine's packet filters a lab on it would meet. The
// zero value is a machine without any.
type Walls struct {
	Drops     []string // chains that stop what is forwarded: "filter FORWARD policy drop"
	Docker    bool
	UFW       bool
	Firewalld bool
	wall      firewall
}

// ReadWalls reads them. The error wraps fs.ErrPermission when this user may not
// see the rules of the namespace that he is in.
func ReadWalls() (Walls, error) {
	var m machine
	err := readFilter(&m)
	w := m.wall
	return Walls{Drops: w.drops, Docker: w.docker, UFW: w.ufw, Firewalld: w.zones, wall: w}, err
}

// Cures are commands that let through what comes by an interface.
func (w Walls) Cures(dev string) []string { return w.wall.cures(dev) }

// Container is what container runtimes have on this machine, or have left: a
// bridge or a network, in words, and what shows whether somebody needs it.
type Container struct{ What, Help string }

// ReadContainers lists them: interfaces by their names, networks by the files
// that give them away, each once.
func ReadContainers() ([]Container, error) {
	var m machine
	if err := m.readLinks(); err != nil {
		return nil, err
	}
	var out []Container
	for name, l := range m.links {
		if who, help := maker(name); who != "" && l.kind == "bridge" {
			out = append(out, Container{name + " (" + who + ")", help})
		}
	}
	slices.SortFunc(out, func(a, b Container) int { return strings.Compare(a.What, b.What) })
	for _, r := range readReservations(networkDirs, leases) {
		out = append(out, Container{r.to.String() + " (" + r.file + ")", "cat " + r.file})
	}
	return out, nil
}
