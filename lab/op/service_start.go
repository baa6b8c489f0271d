package op

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// startDeadline is how long a service may take until it answers.
const startDeadline = 5 * time.Second

// serviceEnv is all that a service learns of the one who started it.
func serviceEnv() []string {
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "LANG=C.UTF-8"}
}

// start runs the process. It is held back until it has been written down, so
// that no moment is left at which a killed nslab could lose it: the process
// ends when our end of the socket pair closes without a byte.
func (s Service) start(k *Kernel) error {
	argv, err := s.argv()
	if err != nil {
		return err
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer ours.Close()
	if s.OwnPID {
		argv = append([]string{"init"}, argv...) // serve.Init
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: s.called(argv),
		Env: serviceEnv(), Dir: "/", ExtraFiles: []*os.File{theirs},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if s.OwnPID {
		netns.OwnPID(cmd)
	}
	keepStrays()
	err = s.run(k, cmd)
	theirs.Close()
	if err != nil {
		return err
	}
	if err := k.Around("commit", s, func() error { return s.commit(k, cmd, ours) }); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return errors.Join(fmt.Errorf("%s: %w", s.what(), err), s.forget(k))
	}
	go func() { _ = cmd.Wait() }() // should it end before nslab does, it must not stay a zombie
	return nil
}

// keepStrays keeps what this process itself has inherited, such as the pipe or the
// lock of a script, from a service that outlives both: somebody may be waiting for
// its end. A kernel older than Linux 5.11 does not know how.
func keepStrays() { _ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) }

// called is the command line by which the process is known. A proxy looks like
// Docker's.
func (s Service) called(argv []string) []string {
	if s.Kind == ProxyProgram {
		return argv
	}
	return append([]string{"nslab", "serve"}, argv...)
}

// run starts cmd inside the namespace. Only a command may say something, into
// a log beside its record.
func (s Service) run(k *Kernel, cmd *exec.Cmd) error {
	if err := os.MkdirAll(s.dir(k), 0o700); err != nil {
		return err
	}
	if s.Kind == "command" {
		log, err := os.OpenFile(s.file(k, ".log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return err
		}
		defer log.Close()
		cmd.Stdout, cmd.Stderr = log, log
	}
	return k.Inside(s.NS, cmd.Start)
}

// commit writes the process down, lets it go on and waits until it answers.
func (s Service) commit(k *Kernel, cmd *exec.Cmd, ours *os.File) error {
	if err := s.record(k, cmd.Process.Pid); err != nil {
		return err
	}
	if err := ours.SetDeadline(time.Now().Add(startDeadline)); err != nil {
		return err
	}
	if _, err := ours.Write([]byte{'+'}); err != nil {
		return err
	}
	answer, err := readAnswer(ours)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it did not answer within %v", startDeadline)
	case err != nil:
		return err
	case answer == "+", answer == "" && s.Kind == "command": // exec closed the socket
		return nil
	case answer == "":
		return errors.New("it ended before it answered")
	}
	return errors.New(answer)
}

// readAnswer reads "+", or the reason why not, or nothing.
func readAnswer(f *os.File) (string, error) {
	b := make([]byte, 1)
	if _, err := io.ReadFull(f, b); err != nil || b[0] == '+' {
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		return string(b), err
	}
	rest, err := io.ReadAll(io.LimitReader(f, 4096))
	return string(b) + string(rest), err
}

// socketPair is two connected ends; ours has deadlines.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "ready"), os.NewFile(uintptr(fds[1]), "ready"), nil
}

func (s Service) dir(k *Kernel) string { return filepath.Join(k.Dir, "services") }

func (s Service) file(k *Kernel, ext string) string { return filepath.Join(s.dir(k), s.name()+ext) }
