package sandbox_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/sandbox"
)

// stateDir is where the state of a sandbox is or will be.
func stateDir(t *testing.T, name string) string {
	t.Helper()
	need(t)
	root, err := sandbox.Root()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, name)
}

// A holder that was not written down would never be found again.
func TestStarterKilled(t *testing.T) {
	start(t, "probe") // skips where there can be none
	cmd := exec.Command("/proc/self/exe", "spawn-only", "orphan")
	pid := startAndHear(t, cmd)
	if err := unix.Kill(pid, 0); err != nil {
		t.Errorf("the holder is not there: %v", err)
	}
	if err := errors.Join(cmd.Process.Kill(), ignoreExit(cmd.Wait())); err != nil {
		t.Fatal(err)
	}
	gone(t, &sandbox.Sandbox{Name: "orphan", Pid: pid})
	empty(t, "orphan")
	if s := start(t, "orphan"); s.Pid == pid {
		t.Errorf("%v is the old one", s)
	}
}

// A throwaway sandbox lives exactly as long as its starter, whatever ends that.
func TestThrowaway(t *testing.T) {
	start(t, "probe")
	for name, end := range map[string]func(*exec.Cmd, io.Closer) error{
		"killed": func(c *exec.Cmd, _ io.Closer) error { return c.Process.Kill() },
		"ended":  func(_ *exec.Cmd, in io.Closer) error { return in.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe", "throwaway", name)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			pid := startAndHear(t, cmd)
			s, err := sandbox.Find(name)
			if err != nil || s.Pid != pid {
				t.Fatalf("found %v, %v, want pid %d", s, err, pid)
			}
			// A process of the sandbox that is no child of the starter goes too.
			_, other := beside(t, name, "echo up; exec sleep 60")
			if err := errors.Join(end(cmd, in), ignoreExit(cmd.Wait())); err != nil {
				t.Fatal(err)
			}
			gone(t, s)
			empty(t, name)
			if _ = other.Wait(); other.ProcessState.ExitCode() != 137 {
				t.Errorf("a program in the sandbox: %v, want exit status 137", other.ProcessState)
			}
			if _, err := sandbox.Find(name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Find: %v, want fs.ErrNotExist", err)
			}
		})
	}
}

// A throwaway sandbox can be killed like any other.
func TestThrowawayKill(t *testing.T) {
	start(t, "probe")
	s, err := sandbox.StartThrowaway("thrown")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := output(t, s, "cat", "/proc/sys/kernel/hostname"); got != "thrown\n" {
		t.Errorf("hostname %q", got)
	}
	if err := s.Kill(); err != nil {
		t.Error(err)
	}
	empty(t, "thrown")
}

// startAndHear starts a command and returns the pid that it prints.
func startAndHear(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func ignoreExit(err error) error {
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return nil
	}
	return err
}

// Where the state cannot be written there is no sandbox, and nothing is left.
func TestStateNotWritable(t *testing.T) {
	start(t, "probe")
	dir := stateDir(t, "full")
	tmp := filepath.Join(dir, "holder.json.new")
	if err := os.MkdirAll(filepath.Join(tmp, "in-the-way"), 0o700); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	_, err := sandbox.Start("full")
	if err == nil || !strings.Contains(err.Error(), tmp+": directory not empty") {
		t.Errorf("got %v", err)
	}
}

// Neither a reused pid nor the state of another boot is a sandbox.
func TestPidReused(t *testing.T) {
	s := start(t, "reused")
	other := exec.Command("sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait() //nolint:errcheck // killed below
	defer other.Process.Kill()
	if err := s.Reused(other.Process.Pid).Kill(); err != nil {
		t.Errorf("Kill: %v", err)
	}
	_, err := s.Reused(other.Process.Pid).Run([]string{"true"}, nil, "", nil)
	if !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Run: %v, want os.ErrProcessDone", err)
	}
	for name, fake := range map[string]func(string) (*os.File, error){
		"other-start": func(n string) (*os.File, error) { return sandbox.Pretend(n, other.Process.Pid, 1, "") },
		"other-boot":  func(n string) (*os.File, error) { return sandbox.Pretend(n, other.Process.Pid, 0, "another") },
	} {
		lock, err := fake(name)
		if err != nil {
			t.Fatal(err)
		}
		all, err := sandbox.List()
		if err != nil || len(all) != 1 || all[0].Name != "reused" {
			t.Errorf("%s: List is %v, %v", name, all, err)
		}
		lock.Close()
		if _, err := sandbox.Find(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: Find: %v, want fs.ErrNotExist", name, err)
		}
		empty(t, name)
	}
	if err := other.Process.Signal(unix.Signal(0)); err != nil {
		t.Errorf("the other process was killed: %v", err)
	}
}

// On a busy machine a holder that was killed may live on for a while: it is
// waited for, and not taken for another one that has come meanwhile.
func TestKilledButAlive(t *testing.T) {
	start(t, "probe")
	holder := exec.Command("sleep", "60")
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer holder.Wait() //nolint:errcheck // killed below
	defer holder.Process.Kill()
	lock, err := sandbox.Pretend("dying", holder.Process.Pid, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sandbox.Find("dying")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { lock.Close() }) // as the kernel does when it dies
	if err := s.Bury(); err != nil {
		t.Error(err)
	}
	empty(t, "dying")
}

// A state directory that somebody else could have made is not used, and not
// touched.
func TestForeignState(t *testing.T) {
	victim := t.TempDir()
	tests := []struct {
		name, want string
		make       func(path string) error
	}{
		{"link", "is a symbolic link, not a directory", func(p string) error { return os.Symlink(victim, p) }},
		{"plain", "is a file, not a directory", func(p string) error { return os.WriteFile(p, nil, 0o600) }},
		{"fifo", "is a FIFO, not a directory", func(p string) error { return unix.Mkfifo(p, 0o600) }},
		{"open", "has mode 0777, so that others can get in, want 0700", func(p string) error {
			return errors.Join(os.Mkdir(p, 0o700), os.Chmod(p, 0o777))
		}},
		{"foreign", fmt.Sprintf("belongs to user 1, not to %d", os.Geteuid()), func(p string) error {
			return errors.Join(os.Mkdir(p, 0o700), os.Chown(p, 1, 1))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := stateDir(t, tt.name)
			defer os.Remove(path)
			if err := tt.make(path); errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EINVAL) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			want := path + " " + tt.want + "; nslab keeps its state there and will not use it: remove it and try again"
			for verb, f := range map[string]func(string) (*sandbox.Sandbox, error){"Start": sandbox.Start, "Find": sandbox.Find} {
				if _, err := f(tt.name); err == nil || err.Error() != want {
					t.Errorf("%s\n got: %v\nwant: %s", verb, err, want)
				}
			}
		})
	}
	if files, err := os.ReadDir(victim); len(files) > 0 || err != nil {
		t.Errorf("the target of the link was touched: %v %v", files, err)
	}
}

func TestLockIsALink(t *testing.T) {
	dir := stateDir(t, "lock-link")
	victim := filepath.Join(t.TempDir(), "victim")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Symlink(victim, filepath.Join(dir, "lock"))); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if _, err := sandbox.Start("lock-link"); !errors.Is(err, unix.ELOOP) {
		t.Errorf("got %v, want ELOOP", err)
	}
	if _, err := os.Lstat(victim); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the target of the link was made: %v", err)
	}
}

func TestUmask(t *testing.T) {
	for _, mask := range []int{0, 0o777} {
		func() {
			defer unix.Umask(unix.Umask(mask))
			s := start(t, "umask")
			checkModes(t, s)
			if got, _ := output(t, s, "sh", "-c", "umask 0; stat -c %a /run /run/netns /run/nslab /etc /etc/netns"); got != "755\n755\n700\n755\n755\n" {
				t.Errorf("umask %04o: modes inside are %q", mask, got)
			}
			if err := s.Kill(); err != nil {
				t.Error(err)
			}
		}()
	}
}

// A holder that hardly gets a processor is killed, and Kill waits for its end.
func TestKillOnABusyMachine(t *testing.T) {
	s := start(t, "busy-machine")
	var stop atomic.Bool
	var busy sync.WaitGroup
	for range 2 * runtime.NumCPU() {
		busy.Go(func() {
			for turns := 0; !stop.Load(); turns++ {
				_ = turns
			}
		})
	}
	idle := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.Pid))
	for _, th := range threads {
		tid, _ := strconv.Atoi(th.Name())
		err = errors.Join(err, unix.SchedSetAttr(tid, &idle, 0))
	}
	// Where processes are scheduled by session, this is what counts: sched(7).
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", s.Pid), []byte("19"), 0)
	kerr := s.Kill()
	stop.Store(true)
	busy.Wait()
	if err := errors.Join(err, kerr); err != nil {
		t.Error(err)
	}
	empty(t, "busy-machine")
}

// Many at once want the same sandbox: one gets it.
func TestStartConcurrently(t *testing.T) {
	start(t, "probe")
	var wg sync.WaitGroup
	made := make(chan *sandbox.Sandbox, 8)
	for range cap(made) {
		wg.Go(func() {
			s, err := sandbox.Start("contended")
			if err == nil {
				made <- s
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(made) != 1 {
		t.Fatalf("%d sandboxes were made, want 1", len(made))
	}
	if err := (<-made).Kill(); err != nil {
		t.Error(err)
	}
}

// One starts and kills while others look: nobody sees half a sandbox.
func TestFindWhileKilled(t *testing.T) {
	start(t, "probe")
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 10 {
				s, err := sandbox.Start("restless")
				if errors.Is(err, fs.ErrExist) {
					s, err = sandbox.Find("restless")
				}
				if err == nil {
					err = s.Kill()
				}
				if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, os.ErrProcessDone) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	empty(t, "restless")
}

func TestRunConcurrently(t *testing.T) {
	s := start(t, "busy")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			want := i % 100
			got, err := s.Run([]string{"sh", "-c", fmt.Sprintf("exit %d", want)}, os.Environ(), "", nil)
			if err != nil || got != want {
				t.Errorf("status %d, %v, want %d", got, err, want)
			}
		})
	}
	wg.Wait()
}

func TestReason(t *testing.T) {
	tests := []struct {
		name  string
		errno unix.Errno
		set   map[string]string
		want  string
	}{
		{
			"limits", unix.ENOSPC,
			map[string]string{"user.max_net_namespaces": "3"},
			"a limit on namespaces is reached (user.max_net_namespaces = 3); root can raise it with sysctl -w",
		},
		{
			"some limit", unix.ENOSPC, nil,
			"a limit on namespaces is reached; see the sysctls user.max_*_namespaces",
		},
	}
	if os.Geteuid() != 0 {
		tests = append(tests, tests[0])
		tests[2].name, tests[2].set = "debian", map[string]string{"kernel.unprivileged_userns_clone": "0"}
		tests[2].want = "user namespaces are for root only (kernel.unprivileged_userns_clone = 0); root can allow " +
			"them with: sysctl -w kernel.unprivileged_userns_clone=1, or run nslab as root"
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := sandbox.Why(tt.errno, func(k string) string { return tt.set[k] }); got != tt.want {
				t.Errorf("\n got: %s\nwant: %s", got, tt.want)
			}
		})
	}
}

func TestRootDir(t *testing.T) {
	own, open := t.TempDir(), t.TempDir()
	for dir, mode := range map[string]os.FileMode{own: 0o700, open: 0o755} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	uid, _ := sandbox.Account()
	tmp := fmt.Sprintf("/tmp/nslab-%d", uid)
	for _, tt := range []struct {
		rooted    bool
		xdg, want string
	}{
		{true, own, "/run/nslab/sandboxes"},
		{false, own, own + "/nslab"},
		{false, "", tmp},
		{false, "relative", tmp},
		{false, open, tmp}, // as is that of another user: su(1) leaves it in the environment
	} {
		if got := sandbox.RootDir(tt.rooted, tt.xdg); got != tt.want {
			t.Errorf("RootDir(%v, %q) is %s, want %s", tt.rooted, tt.xdg, got, tt.want)
		}
	}
}

func TestAccount(t *testing.T) {
	const ranges = "         0       1000          1\n         1     100000      65536\n"
	for _, tt := range []struct {
		uid   int
		uids  string
		want  int
		known bool
	}{
		{1000, "0 0 4294967295\n", 1000, true},
		{0, ranges, 1000, true},
		{34, ranges, 100033, true},
		{65534, "0 1000 1\n", 65534, false},
		{65534, "", 65534, false},
	} {
		if got, known := sandbox.AccountOf(tt.uid, tt.uids); got != tt.want || known != tt.known {
			t.Errorf("user %d of %q is %d, %v outside, want %d, %v", tt.uid, tt.uids, got, known, tt.want, tt.known)
		}
	}
}

// Two commands end one sandbox: the second finds the holder dead and buried a moment
// after it has found it alive. It is gone, as was wanted.
func TestKilledByTwo(t *testing.T) {
	s := start(t, "killed-by-two")
	err := s.EndBuried(func() {
		if err := s.Kill(); err != nil {
			t.Error(err)
		}
		for deadline := time.Now().Add(5 * time.Second); ; runtime.Gosched() { // the starter, which is this process, buries it
			if unix.Kill(s.Pid, 0) != nil {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("the holder is not buried")
			}
		}
	})
	if err != nil {
		t.Errorf("the second one: %v", err)
	}
}

// The sandbox ends while a command is on its way into it, which is told.
func TestEndsBeforeACommand(t *testing.T) {
	s := start(t, "ends-before")
	err := s.RunAfter(sandbox.Command{Argv: []string{"true"}}, func() {
		if err := s.Kill(); err != nil {
			t.Error(err)
		}
	})
	if !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("got %v, want os.ErrProcessDone", err)
	}
}
