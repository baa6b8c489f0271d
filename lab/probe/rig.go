package probe

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vishvananda/netlink"

	"nslab/lab/op"
)

// Bounds on what a round of questions holds open at once.
const (
	maxSockets = 256 // of single questions; pings share one socket per namespace
	maxEntries = 4   // threads that are inside a namespace
	maxKept    = 40  // ping sockets that stay open without a ping under way
)

// rig is what the questions of one round share.
type rig struct {
	k       *op.Kernel
	sockets chan struct{}
	entries chan struct{}

	mu      sync.Mutex
	pingers map[born]*pinger
	turns   map[string]time.Time // of each namespace, see turn
}

// born is where a socket comes from.
type born struct {
	ns string
	v6 bool
}

func newRig(k *op.Kernel) *rig {
	return &rig{
		k: k, sockets: make(chan struct{}, maxSockets), entries: make(chan struct{}, maxEntries),
		pingers: map[born]*pinger{}, turns: map[string]time.Time{},
	}
}

// close ends every shared socket.
func (r *rig) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for at, p := range r.pingers {
		p.close()
		delete(r.pingers, at)
	}
}

// inside runs f in a namespace, few at a time: each holds a thread and
// descriptors.
func (r *rig) inside(ns string, f func() error) error {
	r.entries <- struct{}{}
	defer func() { <-r.entries }()
	return r.k.Inside(ns, f)
}

// look has f ask rtnetlink in a namespace.
func (r *rig) look(ns string, f func(*netlink.Handle) (Answer, error)) (a Answer) {
	err := r.inside(ns, func() (err error) {
		a, err = f(&netlink.Handle{})
		return err
	})
	if err != nil {
		return broken(err)
	}
	return a
}

// slot is the right to hold a socket; release gives it back.
func (r *rig) slot(ctx context.Context) (release func(), err error) {
	select {
	case r.sockets <- struct{}{}:
		return func() { <-r.sockets }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

var errNoFamily = errors.New("this kernel has no IPv6")
