package netns

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// stock is namespaces that another thread makes, and that wait without a name.
type stock struct {
	left atomic.Int64 // how many nobody has begun to make; below 0: none
	made chan *NS     // ends when the other thread makes no more
}

const (
	// shelf is how many wait at most: each is an open descriptor.
	shelf = 8
	// worthwhile is from how many on it is faster, measured with 2 processors:
	// 10 take 1.0 of the time, 30 take 0.9 of it.
	worthwhile = 16
)

// Ahead says that Create is about to be called n times on this thread. Where
// these are many, another thread makes some of the namespaces meanwhile: to make
// one takes the kernel longer than what is done with it afterwards, and much of
// that time needs no lock that others want.
//
// The caller calls stop when it has called Create for the last time, and until
// then changes nothing that new namespaces are made after. What was not taken goes
// then, or with the process: it has no name.
func (t *Thread) Ahead(n int) (stop func()) {
	if n < worthwhile {
		return func() {}
	}
	s := &stock{made: make(chan *NS, shelf)}
	s.left.Store(int64(n))
	go s.fill()
	t.stock = s
	return func() {
		t.stock = nil
		s.drain()
	}
}

// fill makes namespaces until there are enough. Its error is not told: who makes
// the others without it meets the same, and says so.
func (s *stock) fill() {
	defer close(s.made)
	_ = Stay(func(t *Thread) error {
		for s.left.Add(-1) >= 0 {
			n, err := t.nameless()
			if err != nil {
				return err
			}
			s.made <- n
		}
		return nil
	})
}

// nameless makes a namespace, from home: some of what a namespace is born with
// comes from the one that its maker is in.
func (t *Thread) nameless() (n *NS, err error) {
	err = t.away(func() error {
		if err := unshare(); err != nil {
			return err
		}
		n, err = Current()
		return err
	})
	if err != nil && n != nil { // there is no way home
		err = errors.Join(err, n.Close())
	}
	return n, err
}

func (s *stock) drain() {
	s.left.Store(0)
	for n := range s.made {
		n.Close()
	}
}

// take is a namespace of the stock; nil when the caller is to make one itself.
func (s *stock) take() *NS {
	if s == nil {
		return nil
	}
	select {
	case n := <-s.made:
		return n
	default:
	}
	if s.left.Add(-1) >= 0 {
		return nil
	}
	return <-s.made // the last one, which is being made
}

// renew moves the thread to a new namespace.
func (t *Thread) renew() error {
	if n := t.stock.take(); n != nil {
		defer n.Close()
		return n.enter()
	}
	return unshare()
}

func unshare() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare a network namespace: %w", err)
	}
	return nil
}
