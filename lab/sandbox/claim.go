package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/flock"
)

// patience is how long one command waits for another that is at work on the
// same sandbox.
const patience = 10 * time.Second

// claim takes the lock of the place, which is free when no holder lives, or
// returns the sandbox that lives there. While another command is starting or
// killing it, claim waits. With create the directory is made. killed, if any, is
// as good as gone: on a busy machine it may take a while to die.
func (p place) claim(create bool, wait time.Duration, killed *Sandbox) (*os.File, *Sandbox, error) {
	for deadline := time.Now().Add(wait); ; {
		lock, err := p.tryLock(create)
		if lock != nil || err != nil {
			return lock, nil, err
		}
		if s := p.living(); s != nil && !s.is(killed) {
			return nil, s, nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return nil, nil, fmt.Errorf("sandbox %q: %w since %v (%s is locked)", p.name, errBusy, wait, p.lock())
		}
		if err := p.await(left); err != nil {
			return nil, nil, err
		}
	}
}

var errBusy = errors.New("another command is starting or killing it")

// tryLock returns nil when somebody else has the lock, or had it when the lock
// file was removed.
func (p place) tryLock(create bool) (*os.File, error) {
	flags := os.O_RDWR | unix.O_NOFOLLOW | unix.O_NONBLOCK
	if create {
		flags |= os.O_CREATE
		if err := p.make(); err != nil {
			return nil, unlessGone(err)
		}
	} else if err := ours(p.dir, os.Geteuid()); err != nil {
		return nil, err
	}
	if err := p.points.before("open the lock"); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(p.lock(), flags, 0o600)
	if create && errors.Is(err, fs.ErrNotExist) {
		return nil, nil // the directory was removed a moment ago
	}
	if err != nil {
		return nil, err
	}
	err = flock.Try(f)
	if err == nil && flock.Stands(f, p.lock()) {
		return p.own(f, create)
	}
	f.Close()
	if err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("flock %s: %w", p.lock(), err)
	}
	return nil, nil
}

// own makes the lock that was taken this user's alone, whatever the umask is.
func (p place) own(f *os.File, create bool) (*os.File, error) {
	err := p.points.before("own the lock")
	if err == nil {
		err = f.Chmod(0o600)
	}
	if err == nil {
		return f, nil
	}
	if create {
		err = errors.Join(err, p.clear())
	}
	return nil, errors.Join(err, f.Close())
}

// make makes the directory, and the root above it.
func (p place) make() error {
	if err := p.makeRoot(); err != nil {
		return err
	}
	if err := p.points.before("make the directory"); err != nil {
		return err
	}
	return private(p.dir)
}

// unlessGone hides that the root was removed a moment ago, with the last
// sandbox of another command: the caller tries again.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// await returns when something happened in the directory: holder.json was
// written, or the lock was closed. The kernel announces a close just before it
// drops the lock, so no wait is longer than a moment.
func (p place) await(left time.Duration) error {
	const moment = 50 * time.Millisecond
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return fmt.Errorf("inotify: %w", err)
	}
	defer unix.Close(fd)
	_, err = unix.InotifyAddWatch(fd, p.dir, unix.IN_MOVED_TO|unix.IN_CLOSE_WRITE|unix.IN_DELETE)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("inotify %s: %w", p.dir, err)
	}
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	_, err = unix.Poll(poll, int(min(left, moment).Milliseconds())+1)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll: %w", err)
	}
	return nil
}
