package lab

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
