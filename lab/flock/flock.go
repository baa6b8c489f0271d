// Package flock locks files against other processes, see flock(2). A lock goes
// with the last descriptor of the open file.
package flock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Lock waits for the lock of f, in the kernel and for as long as it takes.
func Lock(f *os.File) error { return lock(f, unix.LOCK_EX) }

// Try takes the lock of f when it is free; unix.EWOULDBLOCK says that it is not.
func Try(f *os.File) error { return lock(f, unix.LOCK_EX|unix.LOCK_NB) }

// lock tries again when a signal has come: the runtime preempts goroutines by one.
func lock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Stands says whether f is still what stands at path: the lock of a file that was
// removed while somebody waited for it keeps nobody out.
func Stands(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(path)
	return err == nil && os.SameFile(a, b)
}
