package lab

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockWait is how long one nslab waits for another that works on the same lab.
const lockWait = 10 * time.Second

// lockFile takes the lock, waiting for another nslab to finish. A lock that was
// removed while we waited belongs to a lab that is gone: begin again.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lockWait, errBusy)
	defer cancel()
	for {
		f, err := openState(path, os.O_RDWR|os.O_CREATE)
		if errors.Is(err, fs.ErrNotExist) {
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := flock(ctx, f); errors.Is(err, errBusy) {
			return nil, busy(path)
		} else if err != nil {
			return nil, err
		}
		if samePath(f, path) {
			return f, nil
		}
		f.Close()
	}
}

// flock waits in the kernel, in another goroutine, so that ctx can end it. The
// file is closed when it fails; while the goroutine waits it is the goroutine's.
func flock(ctx context.Context, f *os.File) error {
	got := make(chan error)
	go func() {
		err := flockNow(int(f.Fd()))
		select {
		case got <- err:
		case <-ctx.Done():
			f.Close()
		}
	}()
	select {
	case err := <-got:
		if err != nil {
			f.Close()
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func flockNow(fd int) error {
	for {
		err := unix.Flock(fd, unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func samePath(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(path)
	return err == nil && os.SameFile(a, b)
}
