package discover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// Sources are where a machine is read. The zero value is this machine.
type Sources struct {
	Proc    string            // "" for /proc
	Sockets map[string]string // of Docker's API, by runtime; nil for those of Docker and podman
	Podman  []string          // directories of podman's state; nil for root's and this user's
}

// Read looks at everything that the caller may look at. What it may not is in
// Unseen; an error means that not even our own namespace could be read.
func Read(ctx context.Context, from Sources) (*Machine, error) {
	from.fill()
	f, err := find(from.Proc)
	if err != nil {
		return nil, err
	}
	own, err := netns.Current()
	if err != nil {
		return nil, err
	}
	defer own.Close()
	_, ino, err := own.ID()
	if err != nil {
		return nil, err
	}
	m := &Machine{Namespaces: f.sorted(ino), Unseen: []string{}}
	m.Namespaces[0].own = true
	if f.denied > 0 {
		m.Unseen = append(m.Unseen, fmt.Sprintf("the namespaces of processes that this user may not look at (%d)", f.denied))
	}
	if err := m.readAll(own); err != nil {
		return nil, err
	}
	containers, unseen := from.containers(ctx)
	m.Unseen = append(m.Unseen, unseen...)
	m.christen(containers)
	for _, n := range m.Namespaces {
		n.readFiles(from.Proc)
		n.readOpenVSwitch(ctx, from.Proc)
	}
	m.nameAll()
	m.pair()
	return m, nil
}

func (s *Sources) fill() {
	if s.Proc == "" {
		s.Proc = "/proc"
	}
	if s.Sockets == nil {
		s.Sockets = sockets()
	}
	if s.Podman == nil {
		s.Podman = podmanDirs()
	}
}

// readAll enters every namespace, on one thread. All are open at the same time,
// because each is asked for its numbers of all the others.
func (m *Machine) readAll(own *netns.NS) error {
	open := map[*Namespace]*netns.NS{}
	for _, n := range slices.Clone(m.Namespaces[1:]) {
		ns, err := n.open()
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has ended meanwhile
			m.Namespaces = slices.DeleteFunc(m.Namespaces, func(o *Namespace) bool { return o == n })
		case err != nil:
			n.Unseen = append(n.Unseen, err.Error())
		default:
			defer ns.Close()
			open[n] = ns
		}
	}
	host := m.Namespaces[0]
	return netns.Stay(func(t *netns.Thread) error {
		open[host] = own
		if err := host.read(); err != nil {
			return err
		}
		host.number(open)
		for _, n := range m.Namespaces[1:] {
			if open[n] != nil {
				m.enter(t, n, open)
			}
		}
		return nil
	})
}

// open tries all ways: a process may have ended, and its number be another's.
func (n *Namespace) open() (ns *netns.NS, err error) {
	for _, path := range n.ways {
		if ns, err = netns.OpenPath(path); err != nil {
			continue
		}
		_, ino, ierr := ns.ID()
		if ierr == nil && ino == n.Inode {
			return ns, nil
		}
		err = errors.Join(fs.ErrNotExist, ns.Close())
	}
	return nil, err
}

func (m *Machine) enter(t *netns.Thread, n *Namespace, open map[*Namespace]*netns.NS) {
	err := t.Do(open[n], func() error {
		defer n.number(open)
		return n.read()
	})
	switch {
	case errors.Is(err, unix.EPERM):
		n.Unseen = append(n.Unseen, "what is in it: only root may enter it")
	case err != nil:
		n.Unseen = append(n.Unseen, err.Error())
	}
}

// number asks which number the namespace that we are in has for each other.
func (n *Namespace) number(open map[*Namespace]*netns.NS) {
	n.ids = map[int]*Namespace{}
	for other, ns := range open {
		if id, err := handle().GetNetNsIdByFd(ns.Fd()); err == nil && id >= 0 {
			n.ids[id] = other
		}
	}
}

// read asks the namespace that we are in.
func (n *Namespace) read() error {
	if err := n.readInterfaces(); err != nil {
		return err
	}
	if err := n.readRoutes(); err != nil {
		return err
	}
	if err := n.readTables(); err != nil {
		return err
	}
	n.readSettings()
	n.readRules()
	return nil
}
