package lab_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"nslab/lab"
	"nslab/lab/op"
)

// TestLock opens a lab twice: the second waits for the first, also when the
// first forgets the lab and removes the very file that the second waits for.
func TestLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/labs"
	first := open(t, dir, "lab")
	second, failed := make(chan *lab.Lab), make(chan error, 1)
	for range 2 {
		go func() {
			l, err := lab.Open(dir, "lab")
			if err != nil {
				failed <- err
				return
			}
			second <- l
		}()
	}
	select {
	case <-second:
		t.Fatal("two have the lab at once")
	case err := <-failed:
		t.Fatal(err)
	default:
	}
	next := first
	for range 2 {
		if err := next.Close(); err != nil {
			t.Fatal(err)
		}
		select {
		case next = <-second:
		case err := <-failed:
			t.Fatal(err)
		}
		select {
		case <-second:
			t.Fatal("two have the lab at once")
		default:
		}
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "lab")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lab is not forgotten: %v", err)
	}
}

// TestLookingDoesNotWait reads a lab that somebody works on.
func TestLookingDoesNotWait(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, dir, "lab")
	defer l.Close()
	s, err := lab.Summarize(dir, "lab")
	if err != nil || s.Name != "lab" || s.Facts != 0 || s.Half {
		t.Errorf("%+v, %v", s, err)
	}
	names, err := lab.List(dir)
	if err != nil || len(names) != 1 || !lab.Exists(dir, "lab") || lab.Exists(dir, "other") {
		t.Errorf("%v, %v", names, err)
	}
	if names, err := lab.List(dir + "/nothing"); err != nil || names != nil {
		t.Errorf("%v, %v", names, err)
	}
}

// Whoever has the lock of a lab that is being forgotten has it alone: what he
// writes down is not taken for what the one before him has left.
func TestForgetEndsWithTheLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/labs"
	mark := filepath.Join(dir, "lab", op.EtcMark+"red")
	var next *lab.Lab
	first, err := lab.OpenFaulty(dir, "lab", func(point string) (err error) {
		if point == "after remove "+filepath.Join(dir, "lab", "lock") {
			next, err = lab.Open(dir, "lab")
			err = errors.Join(err, os.WriteFile(mark, nil, 0o600))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if next == nil {
		t.Fatal("nobody came between")
	}
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("the mark of the next one: %v", err)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
}
