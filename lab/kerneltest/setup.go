package kerneltest

import (
	"errors"
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// first is the first process of the new pid namespace. It runs the tests and
// buries the orphans that they leave: a zombie keeps its namespaces.
func first() int {
	if err := setUp(); err != nil {
		fmt.Fprintln(os.Stderr, "kerneltest:", err)
		return refused
	}
	tests := self(yes)
	if err := tests.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "kerneltest:", err)
		return refused
	}
	return Bury(tests.Process.Pid)
}

// Bury waits for a child and returns its exit status. Until then it buries
// everybody, as the first process of a pid namespace has to.
func Bury(child int) int {
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case pid == child && ws.Signaled():
			return 128 + int(ws.Signal())
		case pid == child:
			return ws.ExitStatus()
		case err != nil && !errors.Is(err, unix.EINTR):
			fmt.Fprintln(os.Stderr, "kerneltest: wait:", err)
			return 1
		}
	}
}

// setUp prepares the new namespaces: nothing of what is mounted here reaches
// the machine, /run is empty, /proc shows the new processes and lo is up.
func setUp() error {
	if err := unix.Mount("", "/", "none", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("make / a private mount: %w", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mount a tmpfs on /run: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := overlayEtc(); err != nil {
		return fmt.Errorf("lay an overlay over /etc: %w", err)
	}
	// In a container the old /sys cannot be replaced; few tests look at it.
	_ = unix.Mount("sysfs", "/sys", "sysfs", 0, "")
	if err := os.Mkdir(netns.Dir, 0o755); err != nil {
		return err
	}
	return loUp()
}

func loUp() error {
	h := &netlink.Handle{}
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	return h.LinkSetUp(lo)
}

// overlayEtc keeps what tests write under /etc, such as /etc/netns, away from
// the machine.
func overlayEtc() error {
	for _, dir := range []string{"/run/etc", "/run/etc/upper", "/run/etc/work"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	data := "lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work"
	if err := unix.Mount("overlay", "/etc", "overlay", 0, data); err == nil {
		return nil
	}
	return unix.Mount("overlay", "/etc", "overlay", 0, data+",userxattr") // as the root of a user namespace
}
