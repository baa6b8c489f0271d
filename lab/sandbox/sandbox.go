// Package sandbox gives a lab a machine of its own, without root and without a
// virtual machine.
//
// A sandbox is one process, the holder. It sits in new pid, mount, network,
// ipc and uts namespaces, and when its user is not root in a new user
// namespace too, where that user is root. It is PID 1 of that little machine,
// which has an empty /run, an /etc of its own, its own /proc and /sys, the
// lab's name as its hostname, and nothing but lo. Everything that a lab builds
// in it is kept alive by the holder and dies with it: to kill the holder is to
// destroy the lab, by the kernel's hand.
//
// [Start] makes a holder, [Find] finds it again from a later command, and
// [Sandbox.RunCommand] runs a command inside, on the caller's terminal;
// [StartWith] does the first and the last of these at once. The holder itself does nothing but wait.
//
// What is alive is decided by locks, not by files: a holder has inherited the
// flock(2) on Root/NAME/lock and cannot lose it while it lives. Root/NAME/
// holder.json says which process it is: pid, start time and boot, so that a
// reused pid is never joined nor killed. A starter that dies before it has
// written that file takes its holder along, because the holder waits for a
// byte from it; and a holder whose directory was removed exits by itself, as
// does that of [StartThrowaway] when the pipe from its starter ends. Who outlives
// his starter clears the directory away.
package sandbox

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Sandbox is a living sandbox.
type Sandbox struct {
	Name    string
	Pid     int       // of the holder, as seen from here
	Started time.Time // when it was started
	Notes   []string  // what it had to do without on this machine, in words

	start uint64 // start time of the holder in clock ticks, see proc_pid_stat(5)
	at    place
}

// marker tells a program that it runs inside a sandbox, and in which.
const marker = "/run/nslab/.sandbox"

// Inside says whether this process runs in a sandbox, and in which.
func Inside() (name string, ok bool) {
	b, err := os.ReadFile(marker)
	if err != nil {
		return "", false
	}
	return string(b), true
}

// Path is where the file p of the sandbox is seen from outside.
func (s *Sandbox) Path(p string) string { return fmt.Sprintf("/proc/%d/root%s", s.Pid, p) }

// Ends waits for the end of the holder, and says whether it came in time. A
// program inside is killed, and seen to end, a moment before its holder is.
func (s *Sandbox) Ends(within time.Duration) bool {
	fd, err := s.pidfd()
	if err != nil {
		return errors.Is(err, os.ErrProcessDone)
	}
	defer unix.Close(fd)
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for deadline := time.Now().Add(within); ; {
		n, err := unix.Poll(poll, int(max(time.Until(deadline), 0).Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return n > 0
		}
	}
}

func (s *Sandbox) String() string { return fmt.Sprintf("sandbox %q (pid %d)", s.Name, s.Pid) }
