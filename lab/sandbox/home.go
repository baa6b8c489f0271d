package sandbox

import (
	"os"
	"path/filepath"
	"strconv"
)

// home is the directory of a sandbox as its holder has it, who is about to
// mount something else over the way there.
type home struct {
	base *os.Root // the directory in which nslab has made its own
	dirs []string // those, from the sandbox's up, beneath base
}

// openHome finds the directory by the lock, the only thing that a holder is
// given: it has no environment, and an ordinary user is root in its namespace.
func openHome(p points) (*home, error) {
	if err := p.before("find the way home"); err != nil {
		return nil, err
	}
	lock, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(lockFd))
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(lock)
	top := filepath.Dir(dir)
	dirs := []string{dir, top}
	if top == rootOfRoot {
		top = filepath.Dir(top)
		dirs = append(dirs, top)
	}
	h := &home{}
	if h.base, err = os.OpenRoot(filepath.Dir(top)); err != nil {
		return nil, err
	}
	for _, d := range dirs {
		rel, err := filepath.Rel(filepath.Dir(top), d)
		if err != nil {
			return nil, err
		}
		h.dirs = append(h.dirs, rel)
	}
	return h, nil
}

// clear removes what a sandbox leaves behind, see place.clear: nobody else may
// come by to do it. The holder has the lock, unless that was removed: then
// what is there now is another sandbox.
func (h *home) clear() {
	if !linked() {
		return
	}
	p := place{dir: h.dirs[0]}
	for _, f := range []string{p.state(), p.state() + ".new", p.lock()} {
		_ = h.base.Remove(f) // most have no .new
	}
	for _, d := range h.dirs {
		if h.base.Remove(d) != nil {
			return // another sandbox is there
		}
	}
}
