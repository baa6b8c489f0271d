package op

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// How long a service may take to end, after TERM and after KILL.
const (
	termDeadline = 2 * time.Second
	killDeadline = 5 * time.Second
)

// process is one that was written down. Its number may belong to somebody
// else by now; number and start time together never do, before the next boot.
type process struct {
	pid   int
	start uint64 // in clock ticks since boot, proc_pid_stat(5)
}

// Undo ends the process: TERM, then KILL, always by a pidfd whose process has
// the recorded start time.
func (s Service) Undo(k *Kernel) error {
	p, err := s.recorded(k)
	if err != nil {
		return err
	}
	if err := k.Around("end", s, p.end); err != nil {
		return fmt.Errorf("%s (process %d): %w", s.what(), p.pid, err)
	}
	return s.forget(k)
}

// record writes the process down.
func (s Service) record(k *Kernel, pid int) error {
	start, err := startTime(pid)
	if err != nil {
		return err
	}
	boot, err := bootID()
	if err != nil {
		return err
	}
	tmp := s.file(k, ".tmp")
	if err := os.WriteFile(tmp, fmt.Appendf(nil, "%d %d %s\n", pid, start, boot), 0o600); err != nil {
		return err
	}
	return k.Around("record", s, func() error { return os.Rename(tmp, s.file(k, ".pid")) })
}

// recorded reads what record wrote; the zero process when there is nothing.
func (s Service) recorded(k *Kernel) (process, error) {
	b, err := os.ReadFile(s.file(k, ".pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return process{}, nil
	}
	if err != nil {
		return process{}, err
	}
	p, ok := readProcess(b)
	if !ok {
		return process{}, fmt.Errorf("%s: want a process and its start time, found %s: end it by hand and remove the file",
			s.file(k, ".pid"), strconv.Quote(string(b)))
	}
	return p, nil
}

// readProcess reads a record; the zero process when the machine was started again
// since. An older nslab did not write when that was.
func readProcess(record []byte) (p process, ok bool) {
	var then string
	if n, _ := fmt.Sscan(string(record), &p.pid, &p.start, &then); n < 2 || p.pid <= 1 {
		return process{}, false
	}
	if now, err := bootID(); err == nil && now != "" && then != "" && then != now {
		return process{}, true
	}
	return p, true
}

// forget removes the record and the log; the directory goes with the last one.
func (s Service) forget(k *Kernel) error {
	for _, ext := range []string{".pid", ".tmp", ".log"} {
		if err := os.Remove(s.file(k, ext)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	_ = os.Remove(s.dir(k)) // only when empty
	return nil
}

// open returns a pidfd of the process, -1 when it is gone.
func (p process) open() (int, error) {
	if p.pid == 0 {
		return -1, nil
	}
	fd, err := unix.PidfdOpen(p.pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	start, err := startTime(p.pid)
	if err == nil && start == p.start {
		return fd, nil
	}
	unix.Close(fd)
	return -1, gone(err) // ended meanwhile, or the number is somebody else's now
}

func (p process) alive() bool {
	fd, err := p.open()
	if err != nil || fd < 0 {
		return false
	}
	defer unix.Close(fd)
	return !ended(fd, 0)
}

// there says whether a process is in the namespace that has the name now. One
// that was deleted lives on with whoever is in it.
func (s Service) there(k *Kernel, p process) (bool, error) {
	ns, err := k.Open(s.NS)
	if err != nil {
		return false, err
	}
	defer ns.Close()
	dev, ino, err := ns.ID()
	if err != nil {
		return false, err
	}
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/ns/net", p.pid), &st); err != nil {
		return true, nil //nolint:nilerr // it has ended by now, or may not be looked at
	}
	return st.Dev == dev && st.Ino == ino, nil
}

// end ends a process that leads a group, and its group.
func (p process) end() error {
	fd, err := p.open()
	if err != nil || fd < 0 {
		return err
	}
	defer unix.Close(fd)
	if err := endBy(fd, signalGroup); err != nil {
		return err
	}
	_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, unix.PIDFD_SIGNAL_PROCESS_GROUP) // what it started and left behind
	return nil
}

func endBy(pidfd int, signal func(pidfd int, sig unix.Signal) error) error {
	_ = signal(pidfd, unix.SIGTERM) // whether it helped is seen below
	if !ended(pidfd, termDeadline) {
		_ = signal(pidfd, unix.SIGKILL)
	}
	if !ended(pidfd, killDeadline) {
		return fmt.Errorf("it is still there %v after KILL", killDeadline)
	}
	return nil
}

func signalOne(pidfd int, sig unix.Signal) error { return unix.PidfdSendSignal(pidfd, sig, nil, 0) }

// signalGroup goes to the whole process group (Linux 6.9), else to the process.
func signalGroup(pidfd int, sig unix.Signal) error {
	err := unix.PidfdSendSignal(pidfd, sig, nil, unix.PIDFD_SIGNAL_PROCESS_GROUP)
	if errors.Is(err, unix.EINVAL) {
		return signalOne(pidfd, sig)
	}
	return err
}

// ended waits for the end of a process, which makes its pidfd readable.
func ended(pidfd int, wait time.Duration) bool {
	until := time.Now().Add(wait)
	for {
		fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(max(0, time.Until(until)).Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return n > 0
		}
	}
}

// startTime is when a process was started.
func startTime(pid int) (uint64, error) {
	p, err := netns.ProcessOf(pid)
	return p.Start, err
}
