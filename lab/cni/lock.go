package cni

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"nslab/lab"
	"nslab/lab/cni/hostlocal"
)

// dir is where attachments keep what they share, beside the labs, with whom they
// share the settings of the host.
func dir() string { return filepath.Join(lab.StateDir, lab.GuestDir) }

func lockPath() string { return filepath.Join(dir(), "lock") }

// locked runs f while no other nslab-bridge of this machine is at work: between
// the last port that leaves a bridge and the first that comes the bridge goes.
func locked(f func() error) error {
	lock, err := lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	return f()
}

// lock waits for the lock. One that was removed meanwhile is nobody's any more.
func lock() (*os.File, error) {
	for {
		if err := os.MkdirAll(dir(), 0o700); err != nil {
			return nil, err
		}
		f, err := hostlocal.Lock(lockPath())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		mine, err := f.Stat()
		now, nerr := os.Stat(lockPath())
		if err == nil && nerr == nil && os.SameFile(mine, now) {
			return f, nil
		}
		f.Close()
	}
}

// forget removes the directory, after the last attachment. Parents that others
// use stay.
func forget() error {
	if err := os.Remove(lockPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, d := range []string{dir(), lab.StateDir, filepath.Dir(lab.StateDir)} {
		if os.Remove(d) != nil {
			break
		}
	}
	return nil
}
