package op_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

// TestHostsDirectories: those that were there before stay, also empty ones.
func TestHostsDirectories(t *testing.T) {
	kerneltest.Need(t)
	writableEtc(t)
	o := op.Hosts{NS: "dirs", Lines: "10.9.0.2 web\n"}
	for _, had := range []string{"", op.EtcDir, op.EtcDir + "/dirs"} {
		if err := os.RemoveAll(op.EtcDir); err != nil {
			t.Fatal(err)
		}
		if had != "" {
			if err := os.MkdirAll(had, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		k, was := remembering("dirs")
		root := t.TempDir()
		k.Dir = labDir(t, root+"/lab")
		makeFact(t, k, was, o)
		undo(t, k, o)
		undo(t, k, o)
		for _, dir := range []string{op.EtcDir, op.EtcDir + "/dirs"} {
			_, err := os.Stat(dir)
			if want := len(dir) <= len(had); want != (err == nil) {
				t.Errorf("before there was %q: %s: %v", had, dir, err)
			}
		}
		if err := errors.Join(os.Remove(k.Dir), os.Remove(root)); err != nil {
			t.Errorf("marks are left: %v", err)
		}
	}
}

func labDir(t *testing.T, dir string) string {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestTwoFilesOfANamespace: whichever of them goes last takes the directory
// along, also when the other was written anew meanwhile.
func TestTwoFilesOfANamespace(t *testing.T) {
	kerneltest.Need(t)
	writableEtc(t)
	if err := os.RemoveAll(op.EtcDir); err != nil {
		t.Fatal(err)
	}
	k, was := remembering("two")
	k.Dir = labDir(t, t.TempDir()+"/lab")
	first, second := op.Hosts{NS: "red", Lines: "10.9.0.2 web\n"}, op.Hosts{NS: "red", Lines: "10.9.0.3 web\n"}
	resolv := op.Resolv{NS: "red", Lines: "nameserver 127.0.0.11\n"}
	makeFact(t, k, was, first)
	makeFact(t, k, was, resolv)
	undo(t, k, first)
	makeFact(t, k, was, second)
	undo(t, k, resolv)
	wantTrue(t, k, second)
	undo(t, k, second)
	if _, err := os.Stat(op.EtcDir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", op.EtcDir, err)
	}
}

// TestHostsOfTwoLabs: whoever goes last takes the directory along.
func TestHostsOfTwoLabs(t *testing.T) {
	kerneltest.Need(t)
	writableEtc(t)
	if err := os.RemoveAll(op.EtcDir); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	a, aWas := remembering("a")
	b, bWas := remembering("b")
	a.Dir, b.Dir = labDir(t, root+"/a"), labDir(t, root+"/b")
	red, blue := op.Hosts{NS: "red", Lines: "10.9.0.2 web\n"}, op.Hosts{NS: "blue", Lines: "10.9.0.2 web\n"}
	makeFact(t, a, aWas, red)
	makeFact(t, b, bWas, blue)
	undo(t, a, red)
	undo(t, b, blue)
	if _, err := os.Stat(op.EtcDir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", op.EtcDir, err)
	}
}

// TestHostsHalfWritten: what was cut off in the middle leaves nothing either.
func TestHostsHalfWritten(t *testing.T) {
	kerneltest.Need(t)
	writableEtc(t)
	if err := os.RemoveAll(op.EtcDir); err != nil {
		t.Fatal(err)
	}
	o := op.Hosts{NS: "half", Lines: "10.9.0.2 web\n"}
	k, was := remembering("half")
	k.Dir = t.TempDir()
	before, err := o.Before(k)
	if err != nil {
		t.Fatal(err)
	}
	was[o] = before
	k.Fault = func(point string) error {
		if point == "after write "+op.EtcDir+"/half/hosts.nslab" {
			return fs.ErrInvalid
		}
		return nil
	}
	if err := o.Do(k); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("the file was not cut off: %v", err)
	}
	undo(t, k, o)
	if _, err := os.Stat(op.EtcDir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", op.EtcDir, err)
	}
}
