package flock_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/flock"
)

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, second := open(t, path), open(t, path)
	if err := flock.Lock(first); err != nil {
		t.Fatal(err)
	}
	if err := flock.Try(second); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("the lock is taken: %v, want EWOULDBLOCK", err)
	}
	got := make(chan error)
	go func() { got <- flock.Lock(second) }()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Errorf("the lock is free: %v", err)
	}
}

func TestStands(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	f := open(t, path)
	if !flock.Stands(f, path) {
		t.Error("the file is there, and does not stand there")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if flock.Stands(f, path) {
		t.Error("the file was removed, and stands there")
	}
	open(t, path)
	if flock.Stands(f, path) {
		t.Error("another file is there, and it is said to be the same")
	}
}

// Who waits for a lock that nobody gives back is told who has it.
func TestWithin(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, second, third := open(t, path), open(t, path), open(t, path)
	if err := flock.Within(first, flock.Patience); err != nil {
		t.Fatal(err)
	}
	err := flock.Within(second, time.Millisecond)
	want := fmt.Sprintf("%s is locked by process %d for longer than 1ms", path, os.Getpid())
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	if err := errors.Join(second.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	if err := flock.Within(third, flock.Patience); err != nil {
		t.Errorf("after both were closed: %v", err)
	}
}
