package sandbox_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestUnmountedOutside takes a file system away from the machine, such as a memory
// stick: a sandbox that stands does not keep it busy, and cannot take it away itself.
func TestUnmountedOutside(t *testing.T) {
	need(t)
	dir := t.TempDir()
	stick := dir + "/stick"
	err := errors.Join(os.Mkdir(stick, 0o755), unix.Mount(dir, dir, "", unix.MS_BIND, ""),
		unix.Mount("", dir, "", unix.MS_SHARED, ""), unix.Mount("tmpfs", stick, "tmpfs", 0, ""))
	if errors.Is(err, unix.EPERM) {
		t.Skip("an ordinary user can mount nothing:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	s := start(t, "mounts")
	has := func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", s.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(b), stick)
	}
	if !has() {
		t.Fatalf("the sandbox has no %s", stick)
	}
	if _, status := output(t, s, "mount", "-t", "tmpfs", "tmpfs", dir); status != 0 {
		t.Errorf("mount inside: exit status %d", status)
	}
	if _, err := os.Stat(stick); err != nil {
		t.Errorf("what was mounted inside lies over the machine's: %v", err)
	}
	if err := unix.Unmount(stick, 0); err != nil {
		t.Fatal(err)
	}
	if has() {
		t.Errorf("the sandbox keeps %s, which was unmounted", stick)
	}
}
