package lab_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"nslab/lab"
	"nslab/lab/netns"
)

// TestDestroyedLater cannot remove a namespace at first. Until it is gone,
// /run/netns has to stay a mount; then it is put back, too.
func TestDestroyedLater(t *testing.T) {
	s := newSite(t)
	before := netns.DirState()
	s.apply(small, "")
	l := open(t, s.dir, "small")
	l.Kernel.Fault = func(point string) error {
		if point == "before undo namespace red" {
			return unix.EBUSY
		}
		return nil
	}
	if err := errors.Join(l.Destroy(nil), l.Close()); !errors.Is(err, unix.EBUSY) {
		t.Errorf("destroy: %v, want EBUSY", err)
	}
	if names, err := netns.List(); err != nil || len(names) != 1 {
		t.Errorf("left: %v, %v, want red", names, err)
	}
	s.destroy()
	if after := netns.DirState(); after != before {
		t.Errorf("%s was %s, is %s", netns.Dir, before, after)
	}
	if left, err := lab.List(s.dir); err != nil || len(left) > 0 {
		t.Errorf("the lab is not forgotten: %v %v", left, err)
	}
	if files, err := os.ReadDir(s.dir); err == nil && len(files) > 0 {
		t.Errorf("left: %v", files)
	}
}
