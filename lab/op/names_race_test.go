package op_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"nslab/lab/flock"
	"nslab/lab/kerneltest"
	"nslab/lab/netns"
	"nslab/lab/op"
)

// kept is a lab of which a journal is kept, as of every one that is being built.
func kept(t *testing.T, dir, name string) *op.Kernel {
	t.Helper()
	k := &op.Kernel{Lab: name, Dir: filepath.Join(dir, name)}
	if err := errors.Join(os.MkdirAll(k.Dir, 0o700), os.WriteFile(k.Dir+"/journal", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	return k
}

func forgotten(t *testing.T, k *op.Kernel) {
	t.Helper()
	if err := os.RemoveAll(k.Dir); err != nil {
		t.Fatal(err)
	}
}

// turnAt has another lab's turn at a point of what k does, 0 is never, unless the
// other one would have to wait for the lock of what labs share. It counts the points.
func turnAt(t *testing.T, k *op.Kernel, at int, turn func()) (points *int) {
	t.Helper()
	points = new(int)
	k.Fault = func(string) error {
		if *points++; *points != at {
			return nil
		}
		d, err := os.Open(filepath.Dir(k.Dir))
		if err != nil {
			return err
		}
		err = flock.Try(d)
		if d.Close(); err == nil {
			turn()
		}
		return nil //nolint:nilerr // a lock that is taken is what is asked for
	}
	return points
}

// TestNamesOfTwoLabs has another lab make its first name at every point of the way
// of one that goes, and at the end: the name is shared, and nothing is left.
func TestNamesOfTwoLabs(t *testing.T) {
	kerneltest.Need(t)
	for netns.DirState() == netns.Shared { // by a test before this one
		if err := unix.Unmount(netns.Dir, 0); err != nil {
			t.Fatal(err)
		}
	}
	before := netns.DirState()
	room := op.Namespace{Name: "late"}
	for at, points := 1, 1; at <= points; at++ {
		for _, step := range []op.Op{op.Names{}, room} { // what the other one does in its turn
			dir := t.TempDir()
			one, two := kept(t, dir, "one"), (*op.Kernel)(nil)
			if err := (op.Names{}).Do(one); err != nil {
				t.Fatal(err)
			}
			if step == op.Op(room) {
				two = kept(t, dir, "two")
				stand(t, two, op.Names{})
			}
			count := turnAt(t, one, at, func() {
				if two == nil {
					two = kept(t, dir, "two")
				}
				stand(t, two, step)
			})
			undo(t, one, op.Names{})
			points = max(points, *count)
			forgotten(t, one)
			if two == nil {
				two = kept(t, dir, "two")
			}
			stand(t, two, op.Names{})
			if diff, _ := room.Diff(two); diff != "" {
				stand(t, two, room)
			}
			wantTrue(t, two, op.Names{})
			undo(t, two, room)
			undo(t, two, op.Names{})
			if got := netns.DirState(); got != before {
				t.Errorf("turn at point %d of %d, %s: %s is %s in the end, was %s", at, points, step, netns.Dir, got, before)
			}
			if _, err := os.Lstat(dir + "/.netns-before"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("turn at point %d of %d, %s: what was before is still remembered (%v)", at, points, step, err)
			}
		}
	}
}

// TestEtcOfTwoLabs has another lab come or go at every point of the way of one that
// comes and goes: the file is written, and nothing is left of /etc/netns.
func TestEtcOfTwoLabs(t *testing.T) {
	kerneltest.Need(t)
	writableEtc(t)
	if _, err := os.Lstat(op.EtcDir); err == nil {
		t.Skip(op.EtcDir, "is there already")
	}
	for _, standing := range []bool{false, true} {
		for at, points := 1, 1; at <= points; at++ {
			points = meetInEtc(t, standing, at)
			for _, left := range []string{op.EtcDir, "/run/labs/.etc-netns-made"} {
				if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
					t.Fatalf("standing %v, turn at point %d of %d: %s is left (%v)", standing, at, points, left, err)
				}
			}
		}
	}
}

func meetInEtc(t *testing.T, standing bool, at int) (points int) {
	t.Helper()
	one, two := kept(t, "/run/labs", "one"), kept(t, "/run/labs", "two")
	defer os.RemoveAll("/run/labs")
	mine, theirs := op.Hosts{NS: "mine", Lines: "10.9.0.2 web\n"}, op.Hosts{NS: "theirs", Lines: "10.9.0.2 web\n"}
	turn := func() { stand(t, two, theirs) }
	if standing {
		turn()
		turn = func() { undo(t, two, theirs) }
	}
	count := turnAt(t, one, at, turn)
	stand(t, one, mine)
	wantTrue(t, one, mine)
	undo(t, one, mine)
	points = *count
	if diff, err := theirs.Diff(two); err == nil && diff == "" {
		undo(t, two, theirs)
	}
	return points
}
