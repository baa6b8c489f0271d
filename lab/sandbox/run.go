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
	Files []*os.File // become descriptors 0, 1, 2 and so on
	Room  string     // the network namespace to run in, as by `ip netns exec`; "" is the sandbox's own
}

// Run runs argv inside all namespaces of the sandbox, with the caller's
// standard input, output and error, and files as descriptors 3 and up. The
// program is a child in the caller's process group: its terminal, job control
// and Ctrl-C work as if there were no sandbox, SIGTERM and SIGHUP are passed
// on to it, and it dies when the caller does.
//
// Run returns the exit status, 128+n when signal n ended the program. An error
// means that it never ran.
func (s *Sandbox) Run(argv, env []string, dir string, files []*os.File) (int, error) {
	std := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	return s.RunCommand(Command{Argv: argv, Env: env, Dir: dir, Files: append(std, files...)})
}

// RunCommand is Run for a command whose standard files are chosen too.
func (s *Sandbox) RunCommand(c Command) (int, error) {
	j, err := s.join(c)
	if err != nil {
		return 0, err
	}
	defer j.close()
	sigs := catch()
	defer sigs.stop()
	// PDEATHSIG watches the thread that forked, so it has to stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	term := openTerminal()
	defer term.close()
	pid, err := j.start()
	if err != nil {
		return 0, err
	}
	var ws unix.WaitStatus
	defer func() { term.takeBack(ws.Signaled()) }()
	if err := sigs.passTo(pid, term); err != nil {
		_ = unix.Kill(pid, unix.SIGKILL)
		reapChild(pid)
		return 0, err
	}
	if ws, err = await(pid, term); err != nil {
		return 0, err
	}
	if ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return ws.ExitStatus(), nil
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
