package netns

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exec becomes another program inside the namespace, as `ip netns exec` does:
// in a mount namespace of its own, where /sys shows the devices of the
// namespace and the files of /etc/netns/NAME lie over those of /etc. With the
// name "" nothing is remounted: the namespace is a host, not a room.
//
// argv0 is looked up in PATH when it has no slash; the error wraps
// exec.ErrNotFound when it is not there. Exec returns only on failure.
func (n *NS) Exec(name, argv0 string, argv, env []string) error {
	return onThread(func() (bool, error) {
		if err := n.enter(); err != nil {
			return true, err
		}
		if name != "" {
			if err := remount(name); err != nil {
				return false, err
			}
		}
		path, err := exec.LookPath(argv0)
		if err != nil {
			return false, err
		}
		heed()
		if err := syscall.Exec(path, argv, env); err != nil {
			return false, fmt.Errorf("exec %s: %w", path, err)
		}
		return false, nil
	})
}

// heed undoes signal.Ignore: what this program ignores, the next one would. It
// asks for each signal, as to reset one wakes a thread up and waits for it.
func heed() {
	for sig := syscall.Signal(1); sig <= lastSignal; sig++ {
		if signal.Ignored(sig) {
			signal.Reset(sig)
		}
	}
}

const lastSignal = 64

// remount gives the calling thread its own mounts. In a container /sys and
// /etc may be out of reach; then the program sees the host's.
func remount(name string) error {
	dir, err := pathOf(name)
	if err != nil {
		return err
	}
	// Linux keeps root and working directory per process, and pthreads share
	// them; CLONE_NEWNS needs its own copy, which it implies (CLONE_FS).
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare the mounts: %w", err)
	}
	if err := unix.Mount("", "/", "none", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("make / a slave mount: %w", err)
	}
	remountSys(name)
	bindEtc(filepath.Join("/etc/netns", filepath.Base(dir)))
	return nil
}

// remountSys shows the thread's namespace under /sys/class/net. A /sys that
// was read-only and cannot be detached is replaced by a read-only one.
func remountSys(name string) {
	var flags uintptr
	if unix.Unmount("/sys", unix.MNT_DETACH) != nil {
		var st unix.Statfs_t
		if unix.Statfs("/sys", &st) == nil && st.Flags&unix.ST_RDONLY != 0 {
			flags = unix.MS_RDONLY
		}
	}
	_ = unix.Mount(name, "/sys", "sysfs", flags, "") // best effort: a container may forbid it
}

// bindEtc lays the files of dir over those of the same name in /etc.
func bindEtc(dir string) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") {
			continue
		}
		// Best effort, as ip-netns(8): a file that /etc lacks cannot be covered.
		_ = unix.Mount(filepath.Join(dir, f.Name()), filepath.Join("/etc", f.Name()), "none", unix.MS_BIND, "")
	}
}
