package op

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"nslab/lab/flock"
)

// lockLabs locks what the labs under a directory share, until the file is closed.
// The error wraps fs.ErrNotExist when there is no such directory.
func lockLabs(dir string) (*os.File, error) {
	lock, err := os.OpenFile(dir, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := flock.Within(lock, flock.Patience); err != nil {
		return nil, errors.Join(fmt.Errorf("lock what labs share: %w", err), lock.Close())
	}
	return lock, nil
}

// alone runs f while no other lab changes what labs share.
func (k *Kernel) alone(f func() error) error {
	lock, err := lockLabs(filepath.Dir(k.Dir))
	if err != nil {
		return err
	}
	defer lock.Close() // drops the lock
	return f()
}

// others says whether there is another lab. Who makes one writes a journal first.
func (k *Kernel) others() (bool, error) {
	dir := filepath.Dir(k.Dir)
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() == filepath.Base(k.Dir) || !e.IsDir() {
			continue
		}
		if _, err := os.Lstat(filepath.Join(dir, e.Name(), "journal")); !errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
	}
	return false, err
}
