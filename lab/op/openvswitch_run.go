package op

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Needer is a fact for which a machine may lack something: programs, a module of
// the kernel.
type Needer interface {
	Op
	// Needs says what is missing and how to get it, nil when all is there.
	Needs() error
}

// Needs looks for the programs, and for the device that makes a tap.
func (o OpenVSwitch) Needs() error {
	for _, name := range []string{"ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl"} {
		if program(name) == "" {
			return fmt.Errorf("%s is not installed, without which there is no Open vSwitch: apt-get install openvswitch-switch", name)
		}
	}
	fd, err := unix.Open(tunDevice, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s cannot be opened by this user (%w), and Open vSwitch makes its interfaces with it: chmod 666 %[1]s, as on most machines", tunDevice, err)
	}
	return unix.Close(fd)
}

// program finds a program where services find theirs: sbin is in no path of an
// ordinary user.
func program(name string) string {
	path, _ := strings.CutPrefix(serviceEnv()[0], "PATH=")
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if fi, err := os.Stat(file); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

// knowing is a command that knows where the others are.
func (o OpenVSwitch) knowing(words ...string) []string {
	if o.Dir == ovsDir {
		return words
	}
	return append([]string{"env", "OVS_RUNDIR=" + o.Dir}, words...)
}

// ovsDeadline is how long one of the programs may take.
const ovsDeadline = 10 * time.Second

// run runs one of the programs to its end. ovs-vsctl(8) says on standard error
// what the switch could not do, and succeeds all the same.
func (o OpenVSwitch) run(k *Kernel, words ...string) error {
	out, err := o.ask(k, words...)
	if err == nil && out.errs != "" {
		err = fmt.Errorf("%s: %s", words[0], out.errs)
	}
	return err
}

type said struct{ out, errs string }

func (o OpenVSwitch) ask(k *Kernel, words ...string) (said, error) {
	ctx, cancel := context.WithTimeout(context.Background(), ovsDeadline)
	defer cancel()
	return o.askWithin(ctx, k, words...)
}

// await has the switch say when something has come true.
func (o OpenVSwitch) await(ctx context.Context, k *Kernel, words ...string) error {
	_, err := o.askWithin(ctx, k, append([]string{"ovs-vsctl"}, words...)...)
	return cmp.Or(ctx.Err(), err)
}

func (o OpenVSwitch) askWithin(ctx context.Context, k *Kernel, words ...string) (s said, err error) {
	err = k.Around("run", Command(words), func() error {
		var out, errs strings.Builder
		cmd := exec.CommandContext(ctx, program(words[0]), words[1:]...)
		cmd.Env, cmd.Dir = append(serviceEnv(), "OVS_RUNDIR="+o.Dir), "/"
		cmd.Stdout, cmd.Stderr = &out, &errs
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for nslab, which lets it end
		err := cmd.Run()
		s = said{strings.TrimSpace(out.String()), strings.TrimSpace(errs.String())}
		if err != nil {
			return fmt.Errorf("%s: %w: %s", Command(words), err, s.errs)
		}
		return nil
	})
	return s, err
}

// vsctl tells the switch something, and returns when it has been done.
func (o OpenVSwitch) vsctl(k *Kernel, words ...string) error {
	return o.run(k, append([]string{"ovs-vsctl"}, words...)...)
}

// get asks the database; ok is false when it has no answer.
func (o OpenVSwitch) get(k *Kernel, words ...string) (answer string, ok bool, err error) {
	s, err := o.ask(k, append([]string{"ovs-vsctl", "--no-wait"}, words...)...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		return s.errs, false, nil
	}
	return s.out, err == nil, err
}

// running says whether there is a switch that can be told something.
func (o OpenVSwitch) running(k *Kernel) bool {
	return !slices.ContainsFunc(o.daemons(), func(daemon Command) bool {
		p, err := o.service(daemon).recorded(k)
		return err != nil || !p.alive()
	})
}

// answers returns when a daemon answers: it makes its socket for ovs-appctl(8)
// after all others (ovsdb/ovsdb-server.c, main).
func (o OpenVSwitch) answers(k *Kernel, name string, s Service) error {
	_, err := s.appears(k, name, func(pid int) string { return fmt.Sprintf("%s/%s.%d.ctl", o.Dir, name, pid) })
	return err
}

// appears returns when the process of a service has made a file.
func (s Service) appears(k *Kernel, name string, file func(pid int) string) (process, error) {
	p, err := s.recorded(k)
	if err != nil {
		return p, err
	}
	pidfd, err := p.open()
	if err != nil {
		return p, err
	}
	if pidfd < 0 {
		return p, fmt.Errorf("%s has ended: %s", name, s.told(k))
	}
	defer unix.Close(pidfd)
	if err := appears(file(p.pid), pidfd, ovsDeadline); err != nil {
		return p, fmt.Errorf("%s: %w: %s", name, err, s.told(k))
	}
	return p, nil
}

// told is what a command service has said into its log.
func (s Service) told(k *Kernel) string {
	b, _ := os.ReadFile(s.file(k, ".log"))
	return strings.TrimSpace(string(b[max(0, len(b)-1000):]))
}

// appears waits for a file, as long as the process of the pidfd lives.
func appears(path string, pidfd int, within time.Duration) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("inotify_init1", err)
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), unix.IN_CREATE|unix.IN_MOVED_TO); err != nil {
		return os.NewSyscallError("inotify_add_watch", err)
	}
	until := time.Now().Add(within)
	for news := make([]byte, 4096); ; _, _ = unix.Read(fd, news) {
		if _, err := os.Lstat(path); err == nil {
			return nil
		}
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(pidfd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(max(0, time.Until(until)).Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return os.NewSyscallError("poll", err)
		case n == 0:
			return fmt.Errorf("%s did not appear within %v", path, within)
		case fds[1].Revents != 0:
			return errors.New("it ended before it answered")
		}
	}
}
