package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"nslab/lab/bench/shape"
)

// The host's interfaces are of one group, so that one request removes them,
// and have indexes of their own: a cable whose ends have the same index
// forwards only after up to a second.
const (
	group       = 0x6e73
	bridgeIndex = 100
	firstIndex  = 1000
	runNetns    = "/run/netns/"
	self        = "/proc/thread-self/ns/net"
)

type builder struct {
	shape.Shape
	host    place
	open    map[int]place // of the namespaces
	waiting map[int][]int // links by the later of their nodes
	b       batch
	ahead   <-chan made // nil: each is made when its turn comes
}

// place is a namespace: a netlink socket in it, and a descriptor of itself.
// Few are open at a time: in a program with threads, a table of descriptors
// that grows beyond 64 waits until all CPUs have seen it.
type place struct {
	socket
	ns int
}

// apply builds the shape and returns when the kernel has done it all.
func apply(s shape.Shape) error {
	b := &builder{Shape: s, open: map[int]place{}, waiting: map[int][]int{}}
	for i, l := range s.Links {
		last := max(l.A.Node, l.B.Node)
		b.waiting[last] = append(b.waiting[last], i)
	}
	if s.Bridge.IsValid() && len(s.Nodes) >= many {
		b.ahead = ahead(len(s.Nodes))
	}
	if err := b.openHost(); err != nil {
		return err
	}
	for i := range s.Nodes {
		if err := b.namespace(i); err != nil {
			return fmt.Errorf("namespace %s: %w", s.Nodes[i].Name, err)
		}
		b.leave()
	}
	return b.finish()
}

// at goes to a namespace if it is not open yet.
func (b *builder) at(node int) (place, error) {
	if node == shape.Host {
		return b.host, nil
	}
	if p, ok := b.open[node]; ok {
		return p, nil
	}
	if err := enter(b.Nodes[node].Name); err != nil {
		return place{}, err
	}
	p, err := here()
	b.open[node] = p
	return p, err
}

func (b *builder) leave() {
	for _, p := range b.open {
		_ = unix.Close(int(p.socket))
		_ = unix.Close(p.ns)
	}
	clear(b.open)
}

// send sends what has been written to a node.
func (b *builder) send(node int) error {
	p, err := b.at(node)
	if err != nil {
		return err
	}
	return p.now(&b.b)
}

func (b *builder) openHost() (err error) {
	if err := os.MkdirAll(runNetns, 0o755); err != nil {
		return err
	}
	if b.host, err = here(); err != nil {
		return err
	}
	if b.Forwarding {
		if err := sysctl("ip_forward", 1); err != nil {
			return err
		}
	}
	if len(b.Ports) > 0 {
		if err := publish(b.Ports); err != nil {
			return err
		}
	}
	if !b.Bridge.IsValid() {
		return nil
	}
	b.bridge()
	return b.host.now(&b.b)
}

// here is the namespace the thread is in.
func here() (p place, err error) {
	if p.socket, err = dial(unix.NETLINK_ROUTE); err != nil {
		return p, err
	}
	p.ns, err = unix.Open(self, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	return p, err
}

func sysctl(name string, value int) error {
	return os.WriteFile("/proc/sys/net/ipv4/"+name, fmt.Append(nil, value), 0)
}

// namespace makes a namespace with all its cables to those that are there.
func (b *builder) namespace(i int) error {
	p, err := b.enterNew()
	if err != nil {
		return err
	}
	b.open[i] = p
	n := b.Nodes[i]
	if err := name(runNetns + n.Name); err != nil {
		return err
	}
	if n.Forwarding {
		err = sysctl("ip_forward", 1)
	}
	if n.TTL > 0 && err == nil {
		err = sysctl("ip_default_ttl", n.TTL)
	}
	for _, l := range b.waiting[i] {
		if err == nil {
			err = b.cable(l)
		}
	}
	return err
}

// name does what ip netns add does.
func name(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_ = unix.Close(fd)
	return unix.Mount(self, path, "none", unix.MS_BIND, "")
}

// cable makes both ends where they belong, then sets them up, the switch's
// port last: a port that comes up while the other end is down costs more.
func (b *builder) cable(i int) error {
	l := b.Links[i]
	index := firstIndex + 2*i
	b.veth(l, index, b.open[l.B.Node].ns)
	if err := b.send(l.A.Node); err != nil {
		return fmt.Errorf("cable %s - %s: %w", l.A.Name, l.B.Name, err)
	}
	b.end(l.B, index+1)
	if err := b.send(l.B.Node); err != nil {
		return fmt.Errorf("interface %s: %w", l.B.Name, err)
	}
	b.end(l.A, index)
	if err := b.send(l.A.Node); err != nil {
		return fmt.Errorf("interface %s: %w", l.A.Name, err)
	}
	return nil
}

// finish is what needs the cables: routes, services, and the switch, which
// comes up when all its ports are there.
func (b *builder) finish() error {
	for i, n := range b.Nodes {
		b.up(1, 0)
		b.routes(n)
		if err := b.send(i); err != nil {
			return fmt.Errorf("routes of %s: %w", n.Name, err)
		}
		b.leave()
	}
	if b.Bridge.IsValid() {
		b.addr(bridgeIndex, b.Bridge)
		b.up(bridgeIndex, 0)
		if err := b.send(shape.Host); err != nil {
			return fmt.Errorf("switch: %w", err)
		}
	}
	if len(b.Ports) > 0 {
		return startService(b.Nodes[b.Ports[0].In].Name)
	}
	return nil
}
