package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// clear removes what a sandbox that is gone has left, and the root after the
// last one. The caller has the lock.
func (p place) clear() error {
	err := p.wipe()
	dropRoot(filepath.Dir(p.dir))
	return err
}

// abandon is clear for a directory without a lock: whoever made it was killed or
// refused before it had one. What has anything in it stays.
func (p place) abandon() {
	err := p.drop()
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		dropRoot(filepath.Dir(p.dir))
	}
}

// sweep clears away what sandboxes that died have left, whatever they are called:
// nobody may ever ask for them by their names again. Every command that makes one,
// ends one, or looks for one that is not there does it.
func sweep(root string) {
	files, _ := os.ReadDir(root) // none: nothing is left
	for _, f := range files {
		p := place{name: f.Name(), dir: filepath.Join(root, f.Name())}
		if checkName(f.Name()) != nil || !f.IsDir() {
			continue // not ours: no sandbox has such a name
		}
		lock, err := p.tryLock(false)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			_ = p.drop() // whoever makes one just now makes it again
		case lock != nil:
			_ = p.wipe() // what cannot be removed is told to who asks for it
			lock.Close()
		}
	}
}

// wipe removes the files of a sandbox that is gone, and its directory. The lock
// goes after the state: whoever finds the lock free finds no old state. Another
// command may make a new lock before the directory is removed; then it stays.
func (p place) wipe() error {
	err := errors.Join(p.forget(), remove(p.lock()))
	if rerr := remove(p.dir); !errors.Is(rerr, unix.ENOTEMPTY) {
		err = errors.Join(err, rerr)
	}
	return err
}

// drop removes the directory if it is empty.
func (p place) drop() error {
	if err := ours(p.dir, os.Geteuid()); err != nil {
		return err
	}
	return unix.Rmdir(p.dir)
}

// forget removes the state of a holder that is gone.
func (p place) forget() error {
	return errors.Join(remove(p.state()), remove(p.state()+".new"))
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
