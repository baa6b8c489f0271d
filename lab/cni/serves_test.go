package cni_test

import (
	"io"
	"net"
	"time"

	"nslab/lab/netns"
	"nslab/topology"
)

// serves demands that who listens at an address in a container is reached at
// another one on the host.
func (r *rig) serves(container, listen, dial string) {
	r.Helper()
	r.servesFrom(topology.Host, container, listen, dial)
}

// servesFrom is serves for one who asks from another place.
func (r *rig) servesFrom(from, container, listen, dial string) {
	r.Helper()
	var l net.Listener
	r.inside(container, func() (err error) { l, err = net.Listen("tcp", listen); return err })
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = c.Write([]byte(container))
			c.Close()
		}
	}()
	var c net.Conn
	r.inside(from, func() (err error) {
		if c, err = net.DialTimeout("tcp", dial, 5*time.Second); err != nil {
			r.Errorf("%s is not reached at %s from %s: %v", container, dial, from, err)
		}
		return nil
	})
	if c == nil {
		return
	}
	defer c.Close()
	if said, err := io.ReadAll(c); string(said) != container || err != nil {
		r.Errorf("at %s answers %q (%v), want %s", dial, said, err, container)
	}
}

// inside runs f in a container, or on the host.
func (r *rig) inside(place string, f func() error) {
	r.Helper()
	if place != topology.Host {
		n, err := netns.Open(place)
		if err != nil {
			r.Fatal(err)
		}
		defer n.Close()
		in := f
		f = func() error { return n.Do(in) }
	}
	if err := f(); err != nil {
		r.Fatal(err)
	}
}
