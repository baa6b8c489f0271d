package netns_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/netns"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "become" {
		fmt.Fprintln(os.Stderr, become(os.Args[2], os.Args[3:]))
		os.Exit(1)
	}
	if len(os.Args) > 1 && os.Args[1] == scarce {
		fmt.Println(few())
		os.Exit(0)
	}
	os.Exit(kerneltest.Main(m))
}

// become is a second program inside this test binary, for TestExec.
func become(name string, argv []string) error {
	n, err := netns.Open(name)
	if err != nil {
		return err
	}
	return n.Exec(name, argv[0], argv, os.Environ())
}

func TestCreateAndDelete(t *testing.T) {
	kerneltest.Need(t)
	if err := netns.Create("room", nil); err != nil {
		t.Fatal(err)
	}
	if !netns.Exists("room") {
		t.Error("room does not exist after Create")
	}
	err := netns.Create("room", nil)
	if !errors.Is(err, fs.ErrExist) || err.Error() != `namespace "room": file already exists` {
		t.Errorf("second Create: %v", err)
	}
	if err := netns.Delete("room"); err != nil {
		t.Fatal(err)
	}
	if netns.Exists("room") {
		t.Error("room exists after Delete")
	}
	if err := netns.Delete("room"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("second Delete: %v, want fs.ErrNotExist", err)
	}
	if _, err := netns.Open("room"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open: %v, want fs.ErrNotExist", err)
	}
}

// What prepare did is there as soon as the name is.
func TestCreatePrepares(t *testing.T) {
	kerneltest.Need(t)
	var prepared uint64
	err := netns.Create("marked", func() error {
		if netns.Exists("marked") {
			t.Error("the name was there before prepare had run")
		}
		n, err := netns.Current()
		if err != nil {
			return err
		}
		defer n.Close()
		_, prepared, err = n.ID()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer netns.Delete("marked")
	if got := inode(t, "marked"); got != prepared {
		t.Errorf("namespace %d was prepared, %d was named", prepared, got)
	}
}

func TestCreatePrepareFails(t *testing.T) {
	kerneltest.Need(t)
	boom := errors.New("boom")
	if err := netns.Create("never", func() error { return boom }); !errors.Is(err, boom) {
		t.Errorf("got %v, want %v", err, boom)
	}
	if _, err := os.Lstat(netns.Dir + "/never"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}

func TestList(t *testing.T) {
	kerneltest.Need(t)
	for _, name := range []string{"list-b", "list-a"} {
		kerneltest.Namespace(t, name)
	}
	put(t, "list-plain", func(p string) error { return os.WriteFile(p, nil, 0) })
	got, err := netns.List()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"list-a", "list-b"}, got); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
}

func TestOpenRefuses(t *testing.T) {
	kerneltest.Need(t)
	bind := func(what string) func(string) error {
		return func(p string) error {
			return errors.Join(os.WriteFile(p, nil, 0), unix.Mount(what, p, "none", unix.MS_BIND, ""))
		}
	}
	tests := []struct {
		name string
		make func(path string) error
		want string
	}{
		{
			"plain", func(p string) error { return os.WriteFile(p, nil, 0) },
			"/run/netns/plain is a plain file, not a live namespace",
		},
		{
			"link", func(p string) error { return os.Symlink("/proc/1/ns/net", p) },
			"/run/netns/link is a symbolic link, not a live namespace",
		},
		{
			"fifo", func(p string) error { return unix.Mkfifo(p, 0o600) },
			"/run/netns/fifo is a plain file, not a live namespace",
		},
		{
			"uts", bind("/proc/self/ns/uts"),
			"/run/netns/uts is a namespace, but not one of the network",
		},
		{
			"own", bind("/proc/self/ns/net"),
			`namespace "own" is the one this program runs in, not a room of its own`,
		},
		{
			"../netns/own", nil,
			`"../netns/own" cannot be the name of a namespace: it must be one file name`,
		},
		{
			"", nil,
			`"" cannot be the name of a namespace: it must be one file name`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.make != nil {
				put(t, tt.name, tt.make)
			}
			_, err := netns.Open(tt.name)
			onThread := netns.Stay(func(th *netns.Thread) error {
				_, err := th.Open(tt.name)
				return err
			})
			for _, err := range []error{err, onThread} {
				if err == nil || err.Error() != tt.want {
					t.Errorf("Open(%q)\n got: %v\nwant: %s", tt.name, err, tt.want)
				}
			}
		})
	}
}

func TestCreateOverPlainFile(t *testing.T) {
	kerneltest.Need(t)
	put(t, "stale", func(p string) error { return os.WriteFile(p, nil, 0) })
	err := netns.Create("stale", nil)
	want := "/run/netns/stale is a plain file, not a live namespace (file already exists): " +
		"left by something that was killed; remove it with: ip netns del stale"
	if !errors.Is(err, fs.ErrExist) || err.Error() != want {
		t.Errorf("\n got: %v\nwant: %s", err, want)
	}
}

// A name that was bind mounted over itself stays busy for a plain umount.
func TestDeleteStacked(t *testing.T) {
	kerneltest.Need(t)
	kerneltest.Namespace(t, "stacked")
	path := netns.Dir + "/stacked"
	for range 3 {
		if err := unix.Mount(path, path, "none", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := netns.Delete("stacked"); err != nil {
		t.Error(err)
	}
}

// Many at once on a fresh directory: Dir is mounted over itself only once.
func TestCreateConcurrently(t *testing.T) {
	kerneltest.Need(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			name := fmt.Sprintf("many-%d", i)
			if err := errors.Join(netns.Create(name, nil), netns.Delete(name)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(mounts, []byte(" "+netns.Dir+" ")); n != 1 {
		t.Errorf("%s is mounted %d times, want 1\n%s", netns.Dir, n, mounts)
	}
}

// Exec shows the devices of the namespace in /sys, and the files of
// /etc/netns/NAME in /etc, and passes the exit status on.
func TestExec(t *testing.T) {
	kerneltest.Need(t)
	kerneltest.Namespace(t, "room")
	etc(t, "room", "hosts", "192.0.2.1 room.example\n")
	script := "grep -c room.example /etc/hosts; ls /sys/class/net; readlink /proc/self/ns/net; exit 7"
	cmd := exec.Command("/proc/self/exe", "become", "room", "sh", "-c", script)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("exit status: %v, want 7", err)
	}
	want := fmt.Sprintf("1\nlo\nnet:[%d]\n", inode(t, "room"))
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestExecNotFound(t *testing.T) {
	kerneltest.Need(t)
	kerneltest.Namespace(t, "room")
	err := become("room", []string{"no-such-program"})
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("got %v, want exec.ErrNotFound", err)
	}
	if elsewhere := strays(t, 20); elsewhere != 0 {
		t.Errorf("%d goroutines are in the wrong namespace", elsewhere)
	}
}

// put makes something odd in Dir for the time of the test.
func put(t *testing.T, name string, make func(path string) error) {
	t.Helper()
	path := filepath.Join(netns.Dir, name)
	if err := make(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		_ = os.Remove(path)
	})
}

// etc writes /etc/netns/name/file on a tmpfs, so that the machine's /etc stays
// as it is.
func etc(t *testing.T, name, file, content string) {
	t.Helper()
	lower := t.TempDir()
	data := fmt.Sprintf("lowerdir=/etc:%s", lower)
	dir := filepath.Join(lower, "netns", name)
	err := errors.Join(os.MkdirAll(dir, 0o755),
		os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644),
		unix.Mount("overlay", "/etc", "overlay", 0, data))
	if err != nil {
		t.Skip("an overlay on /etc: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount("/etc", unix.MNT_DETACH) })
}

func inode(t *testing.T, name string) uint64 {
	t.Helper()
	n, err := netns.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	_, ino, err := n.ID()
	if err != nil {
		t.Fatal(err)
	}
	return ino
}

func where() string {
	s, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(s)
}

// strays counts how many of n goroutines find themselves outside the
// namespace of the process.
func strays(t *testing.T, n int) (elsewhere int) {
	t.Helper()
	home, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			runtime.Gosched()
			here := where()
			mu.Lock()
			defer mu.Unlock()
			if here != home {
				elsewhere++
			}
		})
	}
	wg.Wait()
	return elsewhere
}
