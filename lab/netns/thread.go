package netns

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

var errNoReturn = errors.New("function did not return (a panic, or t.Fatal inside a namespace)")

// onThread runs f on a thread of its own and waits for it. f may do anything
// to that thread; it returns clean = true when it has put everything back.
// Otherwise the thread stays locked, and the runtime destroys it together with
// the goroutine: a thread with doubtful whereabouts must not return to the
// pool, where any goroutine could land on it.
func onThread(f func() (clean bool, err error)) error {
	done := make(chan error)
	go func() {
		err := errNoReturn
		defer func() { done <- err }() // also after a panic or runtime.Goexit
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The startup thread is what /proc/self shows, and the runtime
			// cannot destroy it. While this goroutine holds it, another one
			// gets another thread.
			defer runtime.UnlockOSThread()
			err = onThread(f)
			return
		}
		clean, ferr := f()
		if clean {
			runtime.UnlockOSThread()
		}
		err = ferr
	}()
	return <-done
}

// Thread is an operating system thread that may go from namespace to
// namespace. It is good only inside the function that Stay was given, and not
// in goroutines which that starts.
type Thread struct {
	Points Points
	home   *NS
	lost   bool   // it did not find back
	shared bool   // Dir is a shared mount
	stock  *stock // made ahead; nil without
}

// Stay runs f on a thread of its own, for those who go in and out of
// namespaces many times: entering one is then a single system call.
func Stay(f func(*Thread) error) error {
	return onThread(func() (bool, error) {
		home, err := Current()
		if err != nil {
			return true, err
		}
		defer home.Close()
		t := &Thread{home: home}
		err = f(t)
		return !t.lost, err
	})
}

// Open is [Open] on this thread, which has its home open: to look that up takes
// the kernel longer than all the rest.
func (t *Thread) Open(name string) (*NS, error) { return openAnother(name, t.own) }

// own says whether the thread is in n.
func (t *Thread) own(n *NS) (bool, error) {
	if t.lost {
		return n.own()
	}
	dev, ino, err := n.ID()
	if err != nil {
		return false, err
	}
	homeDev, homeIno, err := t.home.ID()
	return dev == homeDev && ino == homeIno, err
}

// Do runs f inside namespace n, on this thread. Who may not enter n has not
// left home, and may not be allowed to enter that either.
func (t *Thread) Do(n *NS, f func() error) error {
	if t.lost {
		return errLost
	}
	if err := n.enter(); err != nil {
		return err
	}
	return t.away(f)
}

// away runs f, which may move the thread, and brings it home.
func (t *Thread) away(f func() error) error {
	if t.lost {
		return errLost
	}
	t.lost = true // until it is back, also when f does not return
	err := f()
	if herr := t.home.enter(); herr != nil {
		return errors.Join(err, fmt.Errorf("way back: %w", herr))
	}
	t.lost = false
	return err
}

var errLost = errors.New("this thread did not find back from a namespace")
