package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// setupError is a step of the set-up that the kernel refused.
type setupError struct {
	what  string
	errno syscall.Errno
}

func (e *setupError) Error() string { return e.what + ": " + e.errno.Error() }

func step(what string, err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return &setupError{what, errno}
	}
	return err
}

// setUp furnishes the new namespaces. Without /run there is no sandbox; what
// else a container may forbid is noted, and done without. The mounts are slaves: what
// is mounted here is not seen outside, but what the machine unmounts goes here, too,
// or a memory stick would stay busy as long as the sandbox stands.
func setUp(name string, p points) (notes []string, err error) {
	const hard = unix.MS_NOSUID | unix.MS_NODEV
	steps := []struct {
		what string
		must bool
		do   func() error
	}{
		{"make / a slave mount", true, func() error { return unix.Mount("", "/", "none", unix.MS_SLAVE|unix.MS_REC, "") }},
		{"mount a tmpfs on /run", true, func() error { return unix.Mount("tmpfs", "/run", "tmpfs", hard, "mode=0755,size=64m") }},
		{"furnish /run", true, func() error { return furnish(name) }},
		{"lay an overlay over /etc", false, overlayEtc},
		{"mount /proc", false, func() error { return unix.Mount("proc", "/proc", "proc", hard|unix.MS_NOEXEC, "") }},
		{"mount /sys", false, func() error { return unix.Mount("sysfs", "/sys", "sysfs", hard|unix.MS_NOEXEC, "") }},
		{"set the hostname", false, func() error { return unix.Sethostname([]byte(name)) }},
		{"set lo up", true, loUp},
	}
	for _, s := range steps {
		err := p.before(s.what)
		if err == nil {
			err = step(s.what, s.do())
		}
		if err != nil && s.must {
			return notes, err
		}
		if err != nil {
			notes = append(notes, "could not "+err.Error())
		}
	}
	return notes, nil
}

// Where the changes to /etc are kept.
const (
	etcUpper = "/run/nslab/.etc/upper"
	etcWork  = "/run/nslab/.etc/work"
)

func furnish(name string) error {
	for _, dir := range []struct {
		path string
		mode fs.FileMode
	}{{"/run/netns", 0o755}, {"/run/lock", 0o755}, {"/run/nslab", 0o700}, {etcUpper, 0o755}, {etcWork, 0o755}} {
		if err := os.MkdirAll(dir.path, dir.mode); err != nil {
			return err
		}
	}
	return os.WriteFile(marker, []byte(name), 0o444)
}

// overlayEtc makes /etc writable without changing the machine's, so that
// /etc/netns and /etc/hosts can belong to the lab.
func overlayEtc() error {
	data := "lowerdir=/etc,upperdir=" + etcUpper + ",workdir=" + etcWork
	if mapped() { // the attributes trusted.* are for the real root
		data += ",userxattr"
	}
	if err := unix.Mount("overlay", "/etc", "overlay", 0, data); err != nil {
		return err
	}
	if err := os.MkdirAll("/etc/netns", 0o755); err != nil {
		return err
	}
	return errors.Join(own("/etc/resolv.conf"), own("/etc/hosts"))
}

// mapped says whether this is a user namespace other than the machine's first.
func mapped() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(b)), " ") != "0 0 4294967295"
}

// own replaces a file of the machine by a copy that belongs to the sandbox: one
// of a user who is not mapped cannot be written, not even by root in here, and
// nothing can be laid over a symbolic link into the machine's /run, which is
// covered.
func own(path string) error {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

func loUp() error {
	h := &netlink.Handle{}
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	return h.LinkSetUp(lo)
}
