package netns_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/netns"
)

func TestOpenPath(t *testing.T) {
	kerneltest.Namespace(t, "room")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/run/netns/room", link); err != nil {
		t.Fatal(err)
	}
	room, err := netns.Open("room")
	if err != nil {
		t.Fatal(err)
	}
	defer room.Close()
	_, want, _ := room.ID()
	for _, path := range []string{"/run/netns/room", link, fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), room.Fd())} {
		n, err := netns.OpenPath(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, got, err := n.ID(); got != want || err != nil {
			t.Errorf("%s is %d (%v), want %d", path, got, err, want)
		}
		n.Close()
	}
	if _, err := netns.OpenPath("/run/netns/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want fs.ErrNotExist", err)
	}
	for path, want := range map[string]string{
		"/proc/self/ns/net": "is the namespace that this program runs in",
		"/proc/self/ns/mnt": "not one of the network",
		"/etc/hostname":     "is a plain file",
		"/proc/self/fdinfo": "is a plain file",
	} {
		if _, err := netns.OpenPath(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestName(t *testing.T) {
	for place, want := range map[string]string{
		"red": "red", "/run/netns/red": "red", "/var/run/netns/red": "red", "/proc/7/ns/net": "", "/run/netns/a/b": "", "/run/netns/..": "", "": "",
	} {
		name, known := netns.Name(place)
		if known != (want != "") || known && name != want {
			t.Errorf("%q: %q, %v, want %q", place, name, known, want)
		}
	}
}
