package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// self is the program that runs now, also after its file was replaced.
const self = "/proc/self/exe"

// joining is one command on its way into a sandbox: the descriptors that are
// open for it, and what the children of the fork need.
type joining struct {
	fork
	to     *Sandbox
	name   string     // of the program
	files  []*os.File // keeps them open
	opened []int      // to be closed
}

func (j *joining) close() {
	for _, fd := range j.opened {
		unix.Close(fd)
	}
	j.opened = nil
}

// join prepares a command.
func (s *Sandbox) join(c Command) (*joining, error) {
	if len(c.Argv) == 0 {
		return nil, errors.New("no command was given")
	}
	j := &joining{to: s, files: c.Files}
	if err := errors.Join(j.strings(c), j.openFiles(c), j.openHolder(s), j.openRoom(s, c.Room)); err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

// strings makes what execve(2) reads.
func (j *joining) strings(c Command) error {
	j.all, j.exe, j.room = ^uint64(0), noFd, noFd
	path, err := lookPath(c.Argv[0])
	if err != nil {
		return err
	}
	j.name = path
	for _, w := range []struct {
		to *(*byte)
		s  string
	}{{&j.path, path}, {&j.dir, c.dir()}, {&j.root, "/"}, {&j.empty, ""}} {
		if *w.to, err = syscall.BytePtrFromString(w.s); err != nil {
			return fmt.Errorf("%q: %w", w.s, err)
		}
	}
	if j.argv, err = syscall.SlicePtrFromStrings(c.Argv); err != nil {
		return fmt.Errorf("arguments %q: %w", c.Argv, err)
	}
	if j.env, err = syscall.SlicePtrFromStrings(c.Env); err != nil {
		return fmt.Errorf("environment: %w", err)
	}
	return nil
}

func lookPath(argv0 string) (string, error) {
	if strings.Contains(argv0, "/") {
		return argv0, nil
	}
	return exec.LookPath(argv0)
}

// openFiles moves every descriptor that the target needs out of the way of
// those that it will have.
func (j *joining) openFiles(c Command) error {
	for i, f := range c.Files {
		fd, err := j.above(int(f.Fd()), len(c.Files))
		if err != nil {
			return fmt.Errorf("file %d of the command: %w", i, err)
		}
		j.fds = append(j.fds, uintptr(fd))
	}
	if c.Argv[0] == self {
		fd, err := j.keep(unix.Open(self, unix.O_PATH|unix.O_CLOEXEC, 0))
		if err == nil {
			fd, err = j.above(fd, len(c.Files))
		}
		if err != nil {
			return fmt.Errorf("open %s: %w", self, err)
		}
		j.exe = uintptr(fd)
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	j.opened = append(j.opened, p[0], p[1])
	w, err := j.above(p[1], len(c.Files))
	if err != nil {
		return fmt.Errorf("duplicate a pipe: %w", err)
	}
	j.read, j.report = uintptr(p[0]), uintptr(w)
	return nil
}

func (j *joining) above(fd, least int) (int, error) {
	return j.keep(unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, least))
}

func (j *joining) keep(fd int, err error) (int, error) {
	if err == nil {
		j.opened = append(j.opened, fd)
	}
	return fd, err
}

// openHolder says what there is to join. Root's sandbox has no user namespace
// of its own, and to join the one that one is in is an error.
func (j *joining) openHolder(s *Sandbox) error {
	fd, err := j.keep(s.pidfd())
	if err != nil {
		return err
	}
	j.pidfd = uintptr(fd)
	j.flags = unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
	ours, err := os.Stat("/proc/self/ns/user")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a kernel without user namespaces
	}
	if err != nil {
		return err
	}
	theirs, err := os.Stat(fmt.Sprintf("/proc/%d/ns/user", s.Pid))
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%v was started in another user namespace (unshare -r), or outside of this one; "+
			"use it where it was started, or end it: nslab destroy %s (%w)", s, s.Name, err)
	}
	if err != nil {
		return fmt.Errorf("look at the namespaces of %v: %w", s, err)
	}
	if !os.SameFile(ours, theirs) {
		j.flags |= unix.CLONE_NEWUSER
	}
	return nil
}

// start forks, and returns the pid of the target once it has become its
// program.
func (j *joining) start() (int, error) {
	middle, errno := j.clone()
	if errno != 0 {
		return 0, fmt.Errorf("fork: %w", errno)
	}
	j.closeReport()
	pid, err := j.listen()
	reapChild(int(middle))
	runtime.KeepAlive(j.files)
	if err == nil && pid == 0 {
		err = errors.New("the process that was to join the sandbox vanished")
	}
	if err != nil && pid != 0 {
		reapChild(pid)
	}
	return pid, j.orGone(err)
}

// orGone is what it means when the sandbox has ended meanwhile: then there is no such
// process to join, or no memory for its children, see pid_namespaces(7).
func (j *joining) orGone(err error) error {
	if err == nil {
		return nil
	}
	if alive, aerr := j.to.alive(); !errors.Is(err, unix.ESRCH) && (alive || aerr != nil) {
		return err
	}
	return fmt.Errorf("%v is gone: %w (%w)", j.to, os.ErrProcessDone, err)
}

// closeReport closes this side's copies of the pipe, whose end is awaited.
func (j *joining) closeReport() {
	for _, fd := range j.opened {
		if fd != int(j.read) {
			unix.Close(fd)
		}
	}
	j.opened = []int{int(j.read)}
}

// listen hears what the children say until the target is another program.
func (j *joining) listen() (pid int, err error) {
	var b [8]byte
	for {
		n, rerr := unix.Read(int(j.read), b[:])
		if errors.Is(rerr, unix.EINTR) {
			continue
		}
		if rerr != nil || n != len(b) {
			return pid, errors.Join(err, rerr)
		}
		kind, value := binary.NativeEndian.Uint32(b[:4]), binary.NativeEndian.Uint32(b[4:])
		switch kind {
		case isTarget:
			pid = int(value)
		case isThere:
		default:
			err = j.refused(kind, syscall.Errno(value))
		}
	}
}

func (j *joining) refused(kind uint32, errno syscall.Errno) error {
	switch kind {
	case failJoin:
		return fmt.Errorf("join the sandbox: setns: %w", errno)
	case failFork:
		return fmt.Errorf("fork inside the sandbox: %w", errno)
	case failFiles:
		return fmt.Errorf("dup3: %w", errno)
	}
	return &fs.PathError{Op: "exec", Path: j.name, Err: errno}
}

func reapChild(pid int) {
	for {
		if _, err := unix.Wait4(pid, nil, 0, nil); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
