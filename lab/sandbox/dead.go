package sandbox

import (
	"errors"
	"io/fs"
	"os"
)

// Dead says whether the sandbox called name has left its directory behind. It
// removes nothing: [Find] does.
func Dead(name string) bool {
	p, err := at(name)
	if err != nil {
		return false
	}
	lock, err := p.tryLock(false)
	if errors.Is(err, fs.ErrNotExist) { // it came not even to a lock
		return ours(p.dir, os.Geteuid()) == nil
	}
	if err != nil || lock == nil {
		return false
	}
	lock.Close()
	return true
}
