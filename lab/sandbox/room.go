package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// A command for a room, a network namespace of the sandbox, could be run by
// this program again, which would start inside and then do what [netns.NS.Exec]
// does. To do that between fork and execve saves the second start, which costs
// more than all the rest.

// mount is what mount(2) wants; one without a kind is an umount2(2) of target.
type mount struct {
	source, target, kind *byte
	flags                uintptr
	must                 bool // the others are best effort, as in ip-netns(8)
}

// openRoom finds a room from outside, and prepares what the children need. Its
// error says only that this way is not open.
func (j *joining) openRoom(s *Sandbox, room string) error {
	if room == "" {
		return nil
	}
	if strings.Contains(room, "/") || room == "." || room == ".." {
		return &fs.PathError{Op: "open", Path: room, Err: fs.ErrInvalid}
	}
	fd, err := j.keep(unix.Open(s.Path(filepath.Join(netns.Dir, room)), unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0))
	if err != nil {
		return fmt.Errorf("open namespace %s: %w", room, err)
	}
	var own, holder unix.Stat_t
	if err := unix.Fstat(fd, &own); err != nil {
		return err
	}
	if err := unix.Stat(fmt.Sprintf("/proc/%d/ns/net", s.Pid), &holder); err != nil {
		return err
	}
	if own.Ino == holder.Ino {
		return fmt.Errorf("%s is another name of the host", room)
	}
	j.room = uintptr(fd)
	return j.roomMounts(s, room)
}

// roomMounts are those of `ip netns exec`: a /sys that shows the devices of
// the room, and the files of /etc/netns/ROOM over those of /etc.
func (j *joining) roomMounts(s *Sandbox, room string) error {
	etc := filepath.Join("/etc/netns", room)
	all := [][3]string{{"", "/", "none"}, {"", "/sys", ""}, {room, "/sys", "sysfs"}}
	files, _ := os.ReadDir(s.Path(etc)) // mostly there are none
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), ".") {
			all = append(all, [3]string{filepath.Join(etc, f.Name()), filepath.Join("/etc", f.Name()), "bind"})
		}
	}
	flags := map[string]uintptr{"none": unix.MS_SLAVE | unix.MS_REC, "bind": unix.MS_BIND, "": unix.MNT_DETACH}
	for _, m := range all {
		next := mount{flags: flags[m[2]], must: m[2] == "none"}
		for i, to := range []**byte{&next.source, &next.target, &next.kind} {
			p, err := syscall.BytePtrFromString(m[i])
			if err != nil {
				return err
			}
			*to = p
		}
		if m[2] == "" {
			next.kind = nil
		}
		j.mounts = append(j.mounts, next)
	}
	return nil
}

// enter goes into the room; the target gets mounts of its own there.
//
//go:norace
//go:nosplit
func (f *fork) enter() {
	if _, _, errno := syscall.RawSyscall(unix.SYS_SETNS, f.room, unix.CLONE_NEWNET, 0); errno != 0 {
		f.fail(failJoin, errno)
	}
	if _, _, errno := syscall.RawSyscall(unix.SYS_UNSHARE, unix.CLONE_NEWNS, 0, 0); errno != 0 {
		f.fail(failJoin, errno)
	}
	for i := range f.mounts {
		m := &f.mounts[i]
		if errno := m.do(); errno != 0 && m.must {
			f.fail(failJoin, errno)
		}
	}
}

//go:norace
//go:nosplit
func (m *mount) do() syscall.Errno {
	target := uintptr(unsafe.Pointer(m.target))
	if m.kind == nil {
		_, _, errno := syscall.RawSyscall(unix.SYS_UMOUNT2, target, m.flags, 0)
		return errno
	}
	_, _, errno := syscall.RawSyscall6(unix.SYS_MOUNT, uintptr(unsafe.Pointer(m.source)), target,
		uintptr(unsafe.Pointer(m.kind)), m.flags, 0, 0)
	return errno
}
