package netns

import (
	"os"

	"golang.org/x/sys/unix"
)

// Points are the moments before each step of making a name: a test may let the
// step fail there, or end the process. nil are none.
type Points func(name string) error

func (p Points) before(name string) error {
	if p == nil {
		return nil
	}
	return p("before " + name)
}

// mkdir makes a directory and those above it.
func (p Points) mkdir(path string) error {
	if err := p.before("mkdir " + path); err != nil {
		return err
	}
	return os.MkdirAll(path, 0o755)
}

// mount is mount(2) of a namespace or a directory.
func (p Points) mount(from, to string, flags uintptr) error {
	if err := p.before("mount " + to); err != nil {
		return err
	}
	return unix.Mount(from, to, "none", flags, "")
}
