package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// Command is a program to be run inside a sandbox.
type Command struct {
	Argv  []string // Argv[0] "/proc/self/exe" is the program that calls; else as execvp(3)
	Env   []string
	Dir   string     // working directory, if it exists inside; "" is the caller's
	Files []*os.File // become descriptors 0, 1, 2 and so on: standard input, output and error first
	Room  string     // the network namespace to run in, as by `ip netns exec`; "" is the sandbox's own
}

// RunCommand runs a command inside all namespaces of the sandbox. The
// program is a child in the caller's process group: its terminal, job control
// and Ctrl-C work as if there were no sandbox, SIGTERM and SIGHUP are passed
// on to it, and it dies when the caller does.
//
// It returns the exit status, 128+n when signal n ended the program. An error
// means that it never ran.
func (s *Sandbox) RunCommand(c Command) (int, error) {
	r, err := s.begin(c)
	if err != nil {
		return 0, err
	}
	ws, err := r.wait()
	return status(ws), err
}

// dir is where the program is to stand; "" is /.
func (c Command) dir() string {
	if c.Dir != "" {
		return c.Dir
	}
	dir, _ := os.Getwd() // it may be removed
	return dir
}

// running is a program that runs in a sandbox. Its goroutine keeps its thread
// until wait: PDEATHSIG watches the one that forked.
type running struct {
	pid  int
	sigs *signals
	term *terminal
}

func (s *Sandbox) begin(c Command) (*running, error) {
	j, err := s.join(c)
	if err != nil {
		return nil, err
	}
	defer j.close()
	r := &running{sigs: catch()}
	runtime.LockOSThread()
	r.term = openTerminal()
	if r.pid, err = j.start(); err != nil {
		r.leave()
		return nil, err
	}
	if err := r.sigs.passTo(r.pid, r.term); err != nil {
		_ = unix.Kill(r.pid, unix.SIGKILL)
		reapChild(r.pid)
		r.term.takeBack(false)
		r.leave()
		return nil, err
	}
	return r, nil
}

func (r *running) leave() {
	r.term.close()
	runtime.UnlockOSThread()
	r.sigs.stop()
}

func (r *running) wait() (unix.WaitStatus, error) {
	defer r.leave()
	ws, err := await(r.pid, r.term)
	r.term.takeBack(ws.Signaled())
	return ws, err
}

// status is an end as a shell gives it.
func status(ws unix.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// await waits for the program to end. One that stopped itself, as by
// `suspend`, takes its caller along, so that the shell notices.
func await(pid int, term *terminal) (unix.WaitStatus, error) {
	for {
		var ws unix.WaitStatus
		_, err := unix.Wait4(pid, &ws, unix.WUNTRACED, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait: %w", err)
		case ws.Exited() || ws.Signaled():
			return ws, nil
		case ws.Stopped() && term.foreground():
			stopWith(pid)
		}
	}
}

// stopWith stops this process because pid is stopped. When the shell goes on
// with the job, both go on; a stop that is over already is not imitated.
func stopWith(pid int) {
	if st, err := netns.ProcessOf(pid); err != nil || st.State != 'T' {
		return
	}
	// To this thread, which then does not return from the call before it is
	// told to go on; kill(2) could pick another one.
	_ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGTSTP)
	_ = unix.Kill(pid, unix.SIGCONT)
}
