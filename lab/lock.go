package lab

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/flock"
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
			if err := ownDir(filepath.Dir(path)); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := waitLock(ctx, f); errors.Is(err, errBusy) {
			return nil, busy(path)
		} else if err != nil {
			return nil, err
		}
		if flock.Stands(f, path) {
			return f, nil
		}
		f.Close()
	}
}

// waitLock takes the lock of f, which is closed when that fails.
func waitLock(ctx context.Context, f *os.File) error {
	err := flock.Try(f)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return waitLonger(ctx, f)
	}
	if err != nil {
		f.Close()
	}
	return err
}

// waitLonger waits in the kernel, in another goroutine, so that ctx can end it.
// While the goroutine waits the file is its own.
func waitLonger(ctx context.Context, f *os.File) error {
	got := make(chan error)
	go func() {
		err := flock.Lock(f)
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
