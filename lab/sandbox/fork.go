package sandbox

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A program with threads cannot join a user namespace, and Go has threads from
// its first moment: setns(2) says EINVAL. A child of fork(2) has one thread.
// So a command gets into a sandbox like this:
//
//	nslab ── fork ── middle: setns(all of the holder's namespaces)
//	   └──────────────── fork with CLONE_PARENT ── target: execve
//
// The second fork is needed because setns(2) moves only the children of its
// caller into a pid namespace. CLONE_PARENT makes the target a child of nslab
// all the same, with the same session, process group, terminal and waiting.
//
// Between fork and execve both children run on a copy of the memory of a
// program whose other threads are gone, maybe while they held locks. So they
// must not allocate, grow their stack, meet the scheduler or take a signal.
// Everything they need is in a [fork] made beforehand; signals are blocked; and
// they consist of go:nosplit functions that call nothing but RawSyscall. The
// same rules hold for forkAndExecInChild1 in Go's syscall package.
type fork struct {
	pidfd, flags uintptr // of the holder: what setns wants
	read, report uintptr // pipe to nslab; its end means that execve worked
	exe          uintptr // descriptor of the program; noFd: path says which
	path, dir    *byte
	argv, env    []*byte
	fds          []uintptr // become descriptors 0, 1, 2 ...; all are beyond that range
	room         uintptr   // descriptor of the network namespace the target is for; noFd: the holder's
	mounts       []mount   // of a target with a room, see room.go

	root, empty *byte
	all, mask   uint64    // every signal; the ones that were blocked before
	action      [4]uint64 // room for a struct kernel_sigaction
	msg         message
}

const noFd = ^uintptr(0)

// message is what the children say through the pipe.
type message struct {
	kind  uint32
	value uint32 // pid of the target, or errno
}

// Kinds of message.
const (
	isTarget  = iota // the target's pid
	isThere          // the target's first word
	failJoin         // setns
	failFork         // the second fork
	failFiles        // dup3
	failExec         // execve
)

// clone forks the middle process. The calling goroutine is locked to its thread.
//
//go:norace
//go:noinline
func (f *fork) clone() (pid uintptr, errno syscall.Errno) {
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	f.setMask(&f.all, &f.mask)
	pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if pid == 0 && errno == 0 {
		f.middle()
	}
	f.setMask(&f.mask, nil)
	return pid, errno
}

//go:norace
//go:nosplit
func (f *fork) setMask(mask, old *uint64) {
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		uintptr(unsafe.Pointer(mask)), uintptr(unsafe.Pointer(old)), unsafe.Sizeof(*mask), 0, 0)
}

//go:norace
//go:nosplit
func (f *fork) middle() {
	syscall.RawSyscall(unix.SYS_CLOSE, f.read, 0, 0)
	_, _, errno := syscall.RawSyscall(unix.SYS_SETNS, f.pidfd, f.flags, 0)
	if errno != 0 {
		f.fail(failJoin, errno)
	}
	if f.room != noFd {
		f.enter()
	}
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, unix.CLONE_PARENT|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		f.fail(failFork, errno)
	}
	if pid == 0 {
		f.target()
	}
	f.say(isTarget, pid)
	f.exit(0)
}

// target sets up what a program inherits. It dies with nslab; should nslab
// have died before that was said, nobody reads the pipe any more.
//
//go:norace
//go:nosplit
func (f *fork) target() {
	syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
	if !f.say(isThere, 0) {
		f.exit(1)
	}
	if _, _, errno := syscall.RawSyscall(unix.SYS_CHDIR, uintptr(unsafe.Pointer(f.dir)), 0, 0); errno != 0 {
		syscall.RawSyscall(unix.SYS_CHDIR, uintptr(unsafe.Pointer(f.root)), 0, 0)
	}
	for i, fd := range f.fds {
		if _, _, errno := syscall.RawSyscall(unix.SYS_DUP3, fd, uintptr(i), 0); errno != 0 {
			f.fail(failFiles, errno)
		}
	}
	f.defaults()
	f.setMask(&f.mask, nil)
	f.fail(failExec, f.exec())
}

// defaults takes away the handlers of the Go runtime before signals are let
// in. What was ignored stays ignored, as with nohup(1); except SIGPIPE, which
// nslab ignores for itself alone.
//
//go:norace
//go:nosplit
func (f *fork) defaults() {
	const ignore = 1 // SIG_IGN
	room := uintptr(unsafe.Pointer(&f.action))
	for sig := uintptr(1); sig <= 64; sig++ {
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, sig, 0, room, unsafe.Sizeof(f.mask), 0, 0)
		if f.action[0] == ignore && sig != uintptr(unix.SIGPIPE) {
			continue
		}
		f.action = [4]uint64{} // SIG_DFL
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, sig, room, 0, unsafe.Sizeof(f.mask), 0, 0)
	}
}

//go:norace
//go:nosplit
func (f *fork) exec() syscall.Errno {
	argv, env := uintptr(unsafe.Pointer(&f.argv[0])), uintptr(unsafe.Pointer(&f.env[0]))
	if f.exe == noFd {
		_, _, errno := syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(f.path)), argv, env)
		return errno
	}
	_, _, errno := syscall.RawSyscall6(unix.SYS_EXECVEAT, f.exe, uintptr(unsafe.Pointer(f.empty)), argv, env,
		unix.AT_EMPTY_PATH, 0)
	return errno
}

//go:norace
//go:nosplit
func (f *fork) say(kind uint32, value uintptr) bool {
	f.msg = message{kind, uint32(value)}
	_, _, errno := syscall.RawSyscall(unix.SYS_WRITE, f.report, uintptr(unsafe.Pointer(&f.msg)), unsafe.Sizeof(f.msg))
	return errno == 0
}

//go:norace
//go:nosplit
func (f *fork) fail(kind uint32, errno syscall.Errno) {
	f.say(kind, uintptr(errno))
	f.exit(1)
}

//go:norace
//go:nosplit
func (f *fork) exit(status uintptr) {
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, status, 0, 0)
	}
}
