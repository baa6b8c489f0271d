package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// terminal is the controlling terminal of this process; nil when it has none.
type terminal struct {
	f    *os.File
	was  bool          // this process was in the foreground when the program began
	mode *unix.Termios // as it was then, see termios(3); nil when unknown
}

func openTerminal() *terminal {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return nil
	}
	t := &terminal{f: f}
	t.was = t.foreground()
	t.mode, _ = unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return t
}

// foreground says whether this process group is the one that Ctrl-C means.
func (t *terminal) foreground() bool {
	if t == nil {
		return false
	}
	pgrp, err := unix.IoctlGetInt(int(t.f.Fd()), unix.TIOCGPGRP)
	return err == nil && pgrp == unix.Getpgrp()
}

// lost says whether the group in the foreground cannot give the terminal back:
// it is gone, or in a sandbox. Any other is a shell that has taken it, to let
// this process go on in the background.
func (t *terminal) lost() bool {
	pgrp, err := unix.IoctlGetInt(int(t.f.Fd()), unix.TIOCGPGRP)
	if err != nil || pgrp <= 0 || pgrp == unix.Getpgrp() {
		return false
	}
	if errors.Is(unix.Kill(-pgrp, 0), unix.ESRCH) {
		return true
	}
	ours, err := os.Stat("/proc/self/ns/pid")
	if err != nil {
		return false
	}
	theirs, err := os.Stat(nsOf(pgrp))
	return err == nil && !os.SameFile(ours, theirs)
}

// takeBack puts this process group into the foreground again. A shell gives
// the terminal back when it ends, but one in a pid namespace cannot name the
// group that it got it from. Nor can a program that was killed, as all are
// with their sandbox, switch echo and line editing on again.
func (t *terminal) takeBack(killed bool) {
	if t == nil || !t.was {
		return
	}
	f := &fork{all: 1 << (unix.SIGTTOU - 1)} // or this process would be stopped for what it does here
	f.setMask(&f.all, &f.mask)
	defer f.setMask(&f.mask, nil)
	if t.lost() {
		_ = unix.IoctlSetPointerInt(int(t.f.Fd()), unix.TIOCSPGRP, unix.Getpgrp())
	}
	if killed && t.mode != nil && t.foreground() {
		_ = unix.IoctlSetTermios(int(t.f.Fd()), unix.TCSETS, t.mode)
	}
}

func (t *terminal) close() {
	if t != nil {
		t.f.Close()
	}
}

// signals are those that would end this process while the program still runs.
type signals struct {
	ch   chan os.Signal
	done chan struct{}
}

// passed are the signals that a program gets from here.
var passed = []unix.Signal{unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP}

// catch begins to hold signals back. What is ignored stays ignored.
func catch() *signals {
	s := &signals{make(chan os.Signal, 16), make(chan struct{})}
	for _, sig := range passed {
		if !signal.Ignored(sig) {
			signal.Notify(s.ch, sig)
		}
	}
	return s
}

// passTo sends the signals on to the program. Ctrl-C and Ctrl-\ on the
// terminal reach the whole process group, and so the program too, without
// help; a second one would mean something else to it.
func (s *signals) passTo(pid int, t *terminal) error {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("pidfd of the program: %w", err)
	}
	go func() {
		defer unix.Close(pidfd)
		for {
			select {
			case <-s.done:
				return
			case sig := <-s.ch:
				typed := sig == unix.SIGINT || sig == unix.SIGQUIT
				if typed && t.foreground() {
					continue
				}
				_ = unix.PidfdSendSignal(pidfd, sig.(unix.Signal), nil, 0)
			}
		}
	}()
	return nil
}

func (s *signals) stop() {
	signal.Stop(s.ch)
	close(s.done)
}
