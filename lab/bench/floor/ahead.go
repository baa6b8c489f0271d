package main

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// many is from how many namespaces on two threads make them faster than one, as
// long as no sysctl is to be set in them.
const many = 16

// ahead makes namespaces on a thread of its own. They wait as descriptors, of
// which there may not be many, see [place].
func ahead(n int) <-chan made {
	out := make(chan made, 8)
	go func() {
		runtime.LockOSThread()
		for range n {
			var m made
			if m.err = unix.Unshare(unix.CLONE_NEWNET); m.err == nil {
				m.ns, m.err = unix.Open(self, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			}
			out <- m
		}
	}()
	return out
}

// made is a namespace without a name.
type made struct {
	ns  int
	err error
}

// enterNew goes to a namespace that was made ahead, or makes one.
func (b *builder) enterNew() (place, error) {
	if b.ahead == nil {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return place{}, err
		}
		return here()
	}
	m := <-b.ahead
	if m.err != nil {
		return place{}, m.err
	}
	if err := unix.Setns(m.ns, unix.CLONE_NEWNET); err != nil {
		return place{}, fmt.Errorf("setns: %w", err)
	}
	s, err := dial(unix.NETLINK_ROUTE)
	return place{s, m.ns}, err
}
