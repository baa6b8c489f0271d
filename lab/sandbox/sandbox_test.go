package sandbox_test

import (
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
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/sandbox"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		os.Exit(program(os.Args[1], os.Args[2:]))
	}
	if os.Getenv(asUser) != "" {
		os.Exit(m.Run())
	}
	os.Exit(kerneltest.Main(m))
}

// asUser marks the second run of these tests, by an ordinary user: that of
// kerneltest is root in its own user namespace, and so needs no other one.
const asUser = "NSLAB_TEST_AS_USER"

func need(tb testing.TB) {
	tb.Helper()
	if os.Getenv(asUser) == "" {
		kerneltest.Need(tb)
	}
}

// program is what this test binary is when it is not testing: the holder, and
// small programs that the tests run inside and beside a sandbox.
func program(name string, args []string) int {
	switch name {
	case "hold":
		if at, ok := strings.CutPrefix(args[0], dying); ok {
			return sandbox.HoldFaulty(dieAt(at))
		}
		return sandbox.Hold()
	case "who": // where this process believes to be
		lab, ok := sandbox.Inside()
		fmt.Println(lab, ok, os.Getuid())
	case "spawn-only":
		fmt.Fprintln(os.Stderr, sandbox.SpawnOnly(args[0]))
		return 1
	case "faulty":
		return faulty(args[0], args[1])
	case "faulty-with":
		return faultyWith(args[0], args[1], args[2])
	case "awaited":
		return awaited(args[0])
	case "throwaway": // starts one and waits to be killed
		return throwaway(args[0])
	case "run":
		return runIn(args[0], args[1:])
	}
	return 0
}

func throwaway(name string) int {
	s, err := sandbox.StartThrowaway(name)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	pid := s.Pid
	for range 3 {
		runtime.GC() // of s, which is not used again, and of what it holds
	}
	fmt.Println(pid)
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

func runIn(name string, argv []string) int {
	s, err := sandbox.Find(name)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	status, err := s.Run(argv, os.Environ(), "", nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 98
	}
	return status
}

// start makes a sandbox for the time of the test.
func start(tb testing.TB, name string) *sandbox.Sandbox {
	tb.Helper()
	need(tb)
	s, err := sandbox.Start(name)
	if errors.Is(err, sandbox.ErrForbidden) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Kill(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// output runs a command inside and returns what it printed.
func output(t *testing.T, s *sandbox.Sandbox, argv ...string) (string, int) {
	t.Helper()
	return outputOf(t, s, sandbox.Command{Argv: argv, Env: os.Environ()})
}

func outputOf(t *testing.T, s *sandbox.Sandbox, c sandbox.Command) (string, int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		text <- string(b)
	}()
	c.Files = []*os.File{os.Stdin, w, os.Stderr}
	status, err := s.RunCommand(c)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return <-text, status
}

func TestLife(t *testing.T) {
	s := start(t, "life")
	if _, err := sandbox.Start("life"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second Start: %v, want fs.ErrExist", err)
	}
	found, err := sandbox.Find("life")
	if err != nil {
		t.Fatal(err)
	}
	if found.Pid != s.Pid {
		t.Errorf("found %v, want %v", found, s)
	}
	if diff := cmp.Diff(s.Notes, found.Notes); diff != "" {
		t.Errorf("notes (-started +found):\n%s", diff)
	}
	if err := found.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Errorf("second Kill: %v", err)
	}
	_, err = sandbox.Find("life")
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != `sandbox "life": file does not exist` {
		t.Errorf("Find after Kill: %v", err)
	}
	empty(t, "life")
}

// whole skips a test in a container that forbids some of the mounts.
func whole(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	if len(s.Notes) > 0 {
		t.Skip(s.Notes)
	}
}

// empty checks that nothing of a sandbox is left in the state directory.
func empty(t *testing.T, name string) {
	t.Helper()
	root, err := sandbox.Root()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(root, name)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the state of %s is still there (%v)", name, err)
	}
}

// The inside is a machine of its own.
func TestInside(t *testing.T) {
	s := start(t, "machine")
	// The starter goes on while the first process still closes what it was told by.
	const stray = "for try in $(seq 1000); do n=$(ls -l /proc/1/fd | grep -c -e pipe: -e socket:); [ $n = 0 ] && break; done; echo $n"
	tests := []struct {
		name, script, want string
	}{
		{"root", "id -u; id -g", "0\n0\n"},
		{"hostname", "cat /proc/sys/kernel/hostname", "machine\n"},
		{"only lo", "ls /sys/class/net; cat /sys/class/net/lo/flags", "lo\n0x9\n"},
		{"first process", "tr '\\0' ' ' </proc/1/cmdline | cut -d' ' -f2-", "hold machine \n"},
		{"a pid namespace", "ls /proc | grep -c '^[0-9]*$' | grep -qx '[1-9]' && echo few", "few\n"},
		{"private run", "ls -A /run", "lock\nnetns\nnslab\n"},
		{"writable etc", "echo a >/etc/netns/x && echo 192.0.2.1 b >>/etc/hosts && tail -n1 /etc/hosts", "192.0.2.1 b\n"},
		{"ignored as outside", "grep SigIgn /proc/self/status", fmt.Sprintf("SigIgn:\t%016x\n", ignored(t))},
		{"nothing blocked", "grep SigBlk /proc/self/status", "SigBlk:\t0000000000000000\n"},
		{"no stray files", stray, "0\n"},
		{"capabilities", "ip link add br0 type bridge && ip link del br0 && echo done", "done\n"},
		{"rooms", "ip netns add red && ip netns exec red ls /sys/class/net && ip netns del red", "lo\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			whole(t, s)
			got, _ := output(t, s, "sh", "-c", tt.script)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.script, diff)
			}
		})
	}
	if b, err := os.ReadFile(s.Path("/run/nslab/.sandbox")); err != nil || string(b) != "machine" {
		t.Errorf("marker: %q, %v", b, err)
	}
	if b, _ := os.ReadFile("/etc/hosts"); strings.Contains(string(b), "192.0.2.1") {
		t.Error("the machine's /etc/hosts was changed")
	}
	if name, ok := sandbox.Inside(); ok {
		t.Errorf("the test believes to be inside %q", name)
	}
}

// ignored is the mask of the signals that a program gets ignored from here:
// GNU make, for one, leaves 32 and 33 to its children like that.
func ignored(t *testing.T) uint64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, mask, _ := strings.Cut(string(b), "\nSigIgn:\t")
	mask, _, _ = strings.Cut(mask, "\n")
	n, err := strconv.ParseUint(mask, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n &^ (1 << (unix.SIGPIPE - 1)) // ignored by the test alone
}

func TestRunStatus(t *testing.T) {
	s := start(t, "status")
	tests := []struct {
		argv []string
		want int
	}{
		{[]string{"true"}, 0},
		{[]string{"sh", "-c", "exit 3"}, 3},
		{[]string{"sh", "-c", "kill -9 $$"}, 137},
		{[]string{"sh", "-c", "kill -TERM $$"}, 143},
		{[]string{"sh", "-c", "sleep 0.05 & exit 4"}, 4},
	}
	for _, tt := range tests {
		_, got := output(t, s, tt.argv...)
		if got != tt.want {
			t.Errorf("%q: exit status %d, want %d", tt.argv, got, tt.want)
		}
	}
}

func TestRunSelf(t *testing.T) {
	s := start(t, "self")
	got, _ := output(t, s, "/proc/self/exe", "who")
	if got != "self true 0\n" {
		t.Errorf("got %q", got)
	}
}

func TestRunErrors(t *testing.T) {
	s := start(t, "errors")
	tests := []struct {
		argv []string
		is   error
		want string
	}{
		{nil, nil, "no command was given"},
		{[]string{"no-such-program"}, exec.ErrNotFound, `exec: "no-such-program": executable file not found in $PATH`},
		{[]string{"/no/such"}, fs.ErrNotExist, "exec /no/such: no such file or directory"},
		{[]string{"/etc"}, fs.ErrPermission, "exec /etc: permission denied"},
		{[]string{"/a\x00b"}, nil, `"/a\x00b": invalid argument`},
	}
	for _, tt := range tests {
		_, err := s.Run(tt.argv, nil, "", nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%q:\n got: %v\nwant: %s", tt.argv, err, tt.want)
		}
	}
}

// Files arrive as 3 and up, whatever numbers they have here.
func TestRunFiles(t *testing.T) {
	s := start(t, "files")
	var files []*os.File
	for i := range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		fmt.Fprintf(w, "file %d\n", i)
		w.Close()
		files = append([]*os.File{r}, files...) // in reverse: they cross over
	}
	dev, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := sandbox.Command{
		Argv:  []string{"sh", "-c", "cat <&3; cat <&4; cat <&5; echo $ROOM; pwd"},
		Env:   append(os.Environ(), "ROOM=red"),
		Dir:   "/usr",
		Files: append([]*os.File{dev, w, w}, files...),
	}
	status, err := s.RunCommand(c)
	w.Close()
	got, _ := io.ReadAll(r)
	if err != nil || status != 0 {
		t.Errorf("status %d, %v", status, err)
	}
	if diff := cmp.Diff("file 2\nfile 1\nfile 0\nred\n/usr\n", string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRunReadsStdin(t *testing.T) {
	start(t, "stdin")
	cmd := exec.Command("/proc/self/exe", "run", "stdin", "sh", "-c", "cat; cat /proc/sys/kernel/hostname")
	cmd.Stdin = strings.NewReader("from outside\n")
	cmd.Stderr = os.Stderr
	got, err := cmd.Output()
	if diff := cmp.Diff("from outside\nstdin\n", string(got)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// Each has a room of the same name.
func TestTwoAtOnce(t *testing.T) {
	for _, s := range []*sandbox.Sandbox{start(t, "one"), start(t, "two")} {
		got, status := output(t, s, "sh", "-c", "ip netns add red && ls /run/netns")
		if got != "red\n" || status != 0 {
			t.Errorf("%v: %q, status %d", s, got, status)
		}
	}
	all, err := sandbox.List()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"one", "two"}, names); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
}

// A holder that is killed takes along every process and leaves a state that
// the next command recognises as stale.
func TestHolderKilled(t *testing.T) {
	s := start(t, "killed")
	cmd := exec.Command("/proc/self/exe", "run", "killed", "sh", "-c", "ip netns add red; echo up; trap '' TERM HUP INT; sleep 60")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(s.Pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 128+9 {
		t.Errorf("the command inside: %v, want status 137", err)
	}
	gone(t, s)
	if _, err := sandbox.Find("killed"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Find: %v, want fs.ErrNotExist", err)
	}
	empty(t, "killed")
}

// gone waits until the holder has ended.
func gone(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	fd, err := unix.PidfdOpen(s.Pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000)
	for errors.Is(err, unix.EINTR) { // the runtime preempts goroutines by a signal
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000)
	}
	if n != 1 || err != nil {
		t.Fatalf("%v still lives after 5s (%v)", s, err)
	}
}

func TestStateRemoved(t *testing.T) {
	s := start(t, "removed")
	root, err := sandbox.Root()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(root, "removed")); err != nil {
		t.Fatal(err)
	}
	gone(t, s)
}

// The directory is touched, but not removed: that is no reason to end.
func TestStateTouched(t *testing.T) {
	s := start(t, "touched")
	root, err := sandbox.Root()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if err := os.Chtimes(filepath.Join(root, "touched", "lock"), now, now); err != nil {
		t.Fatal(err)
	}
	if got, _ := output(t, s, "echo", "alive"); got != "alive\n" {
		t.Errorf("got %q", got)
	}
}

func TestTerminated(t *testing.T) {
	s := start(t, "term")
	for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGHUP, unix.SIGTERM} {
		if err := unix.Kill(s.Pid, sig); err != nil {
			t.Fatal(err)
		}
	}
	gone(t, s)
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../x", "a/b", "-x", "a b", "ä", strings.Repeat("x", 65)} {
		_, err := sandbox.Start(name)
		want := fmt.Sprintf("%q cannot be the name of a sandbox: want up to 64 letters, digits, '-', '_' and '.'", name)
		if err == nil || err.Error() != want {
			t.Errorf("\n got: %v\nwant: %s", err, want)
		}
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s := start(b, "bench")
		if err := s.Kill(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	s := start(b, "bench-run")
	for b.Loop() {
		if status, err := s.Run([]string{"true"}, nil, "", nil); status != 0 || err != nil {
			b.Fatal(status, err)
		}
	}
}
