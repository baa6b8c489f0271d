package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// boxed is the first argument of a bench that is the launcher in a box: the
// first process of new mount, network, pid, ipc and uts namespaces.
const boxed = "box"

// phases in their order. kernel is not a command: it is the time from the
// begin of destroy until the kernel has cleaned up too.
const (
	apply   = "apply"
	verify  = "verify"
	destroy = "destroy"
	kernel  = "kernel"
)

// step is a command to be measured. One with Talk is a phase of a process that
// is started with the first such step and lives till the last: it gets the
// name of the phase as a line, and answers with the same when it is done.
type step struct {
	Phase string
	Argv  []string
	Env   []string // beside that of the bench
	Input string   // standard input
	Talk  bool
}

// measure is what a step has cost.
type measure struct {
	Phase string
	Wall  time.Duration
	CPU   time.Duration // of the command and the processes it waited for
	RSS   int64         // its peak, in bytes; with Talk, the sum over all processes of the box; 0: less than the launcher's
	Left  int           // interfaces of the host and names of namespaces that are there when it returns
}

// box runs the steps that stand on in and writes what they cost to out.
func box(in io.Reader, out, errOut io.Writer) int {
	err := func() error {
		var steps []step
		if err := json.NewDecoder(in).Decode(&steps); err != nil {
			return err
		}
		if err := setUp(); err != nil {
			return err
		}
		ms, err := (&launcher{}).all(steps)
		return errors.Join(err, json.NewEncoder(out).Encode(ms))
	}()
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 1
	}
	return 0
}

func setUp() error {
	if err := unix.Mount("", "/", "none", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("make / a private mount: %w", err)
	}
	for _, m := range [][2]string{{"tmpfs", "/run"}, {"proc", "/proc"}} {
		if err := unix.Mount(m[0], m[1], m[0], 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m[1], err)
		}
	}
	h := &netlink.Handle{}
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	// A new namespace has it on, no plain machine has.
	if err := os.WriteFile("/proc/sys/net/bridge/bridge-nf-call-iptables", []byte("0"), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return h.LinkSetUp(lo)
}

type launcher struct {
	talking *exec.Cmd
	say     io.WriteCloser
	hear    *bufio.Reader
}

func (l *launcher) all(steps []step) (ms []measure, err error) {
	for i, s := range steps {
		began := time.Now()
		m, err := l.one(s, i == len(steps)-1)
		if err != nil {
			return ms, fmt.Errorf("%s: %w", strings.Join(s.Argv, " "), err)
		}
		m.Phase, m.Left = s.Phase, left()
		ms = append(ms, m)
		if s.Phase == destroy {
			if err := cleaned(); err != nil {
				return ms, err
			}
			ms = append(ms, measure{Phase: kernel, Wall: time.Since(began)})
		}
	}
	return ms, cleaned() // once more: the first one may have been cleaned up together with others
}

func (l *launcher) one(s step, last bool) (measure, error) {
	if s.Talk {
		return l.talk(s, last)
	}
	// A file and no pipe: what a lab leaves running may keep it open.
	fd, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
	if err != nil {
		return measure{}, fmt.Errorf("a file for the output: %w", err)
	}
	out := os.NewFile(uintptr(fd), "output")
	defer out.Close()
	c := exec.Command(s.Argv[0], s.Argv[1:]...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(s.Input), out, out
	c.Env = append(os.Environ(), s.Env...)
	began := time.Now()
	err = c.Run()
	m := measure{Wall: time.Since(began)}
	if err != nil {
		return m, fmt.Errorf("%w\n%s", err, tail(out))
	}
	m.CPU = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	// A process inherits the peak of the one it was forked from, getrusage(2).
	var own unix.Rusage
	ru := c.ProcessState.SysUsage().(*syscall.Rusage)
	if err := unix.Getrusage(unix.RUSAGE_SELF, &own); err == nil && ru.Maxrss > own.Maxrss {
		m.RSS = ru.Maxrss * 1024
	}
	return m, nil
}

// talk has the process do its next phase.
func (l *launcher) talk(s step, last bool) (m measure, err error) {
	began := time.Now()
	if l.talking == nil {
		err = l.start(s.Argv)
	}
	if err == nil {
		_, err = fmt.Fprintln(l.say, s.Phase)
	}
	if err != nil {
		return m, err
	}
	line, err := l.hear.ReadString('\n')
	m.Wall, m.RSS = time.Since(began), memory()
	if err != nil || strings.TrimSpace(line) != s.Phase {
		return m, fmt.Errorf("it said %q, not %s: %w", line, s.Phase, err)
	}
	if last {
		l.say.Close()
		err = l.talking.Wait()
	}
	return m, err
}

func (l *launcher) start(argv []string) (err error) {
	l.talking = exec.Command(argv[0], argv[1:]...)
	if l.say, err = l.talking.StdinPipe(); err != nil {
		return err
	}
	l.talking.Stderr = os.Stderr
	out, err := l.talking.StdoutPipe()
	l.hear = bufio.NewReader(out)
	return errors.Join(err, l.talking.Start())
}

// tail is the end of a file, which usually says why.
func tail(f *os.File) []byte {
	const most = 2000
	b := make([]byte, most)
	end, _ := f.Seek(0, io.SeekEnd)
	n, _ := f.ReadAt(b, max(0, end-most)) // what is not there is not shown
	return b[:n]
}

// left counts what a lab may leave on its host.
func left() int {
	interfaces, err := net.Interfaces()
	if err != nil {
		return -1
	}
	names, _ := os.ReadDir(netns.Dir) // there may be none
	return len(interfaces) - 1 + len(names)
}
