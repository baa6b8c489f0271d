package lab

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"nslab/lab/op"
)

// A journal that cannot be read is not one that is empty, or that ends there: its lab
// would be forgotten.
func TestJournalUnreadable(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/journal"
	if err := os.WriteFile(path, []byte("{\"nslab\":1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0) // EBADF, as a bad disk has EIO
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	j := &Journal{f: f, was: map[op.Op]string{}}
	if err := j.read(); !errors.Is(err, unix.EBADF) {
		t.Errorf("read: %v, want EBADF", err)
	}
}
