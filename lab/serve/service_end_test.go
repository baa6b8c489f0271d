package serve_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/netns"
	"nslab/lab/op"
)

func TestCommands(t *testing.T) {
	k := newKernel(t)
	refused := &op.Kernel{Dir: k.Dir}
	err := op.Service{NS: "red", Kind: "command", Argv: `["sleep","1 0"]`}.Do(refused)
	if err == nil || err.Error() != "sleep '1 0': a lab file may only run commands with --allow-commands" {
		t.Errorf("without permission: %v", err)
	}
	err = op.Service{NS: "red", Kind: "command", Argv: `["no-such-program"]`}.Do(k)
	if err == nil || err.Error() != `no-such-program in red: exec: "no-such-program": executable file not found in $PATH` {
		t.Errorf("a program that does not exist: %v", err)
	}
	// A shell that ignores TERM, with a child: both must go, the log as well.
	fifo := filepath.Join(t.TempDir(), "started")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	s := op.Service{NS: "red", Kind: "command", Argv: `["sh","-c","trap '' TERM; sleep 1001 & echo > ` + fifo + `; wait; wait"]`}
	if err := s.Do(k); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(fifo); err != nil { // ends when the shell has written
		t.Fatal(err)
	}
	start := time.Now()
	if err := s.Undo(k); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < time.Second || took > 4*time.Second {
		t.Errorf("ended after %v, want KILL after 2s", took)
	}
	for deadline := time.Now().Add(5 * time.Second); ; { // KILL takes a moment on a busy machine
		out, _ := exec.Command("pgrep", "-f", "sleep 1001").Output()
		if len(out) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("its child lives on: %s", out)
		}
	}
}

// A service with numbers of its own is PID 1 and has a /proc that says so.
func TestOwnPID(t *testing.T) {
	k := newKernel(t)
	fifo := filepath.Join(t.TempDir(), "said")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	s := op.Service{NS: "red", Kind: "command", OwnPID: true, Argv: `["sh","-c","echo $$ $(cat /proc/1/comm) > ` + fifo + `; sleep 1003"]`}
	if err := s.Do(k); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Undo(k) })
	if said, err := os.ReadFile(fifo); err != nil || string(said) != "1 sh\n" {
		t.Errorf("inside it says %q, %v", said, err)
	}
	files, _ := filepath.Glob(k.Dir + "/services/*.pid") // the pattern is good
	pid, err := strconv.Atoi(pidOf(t, k, strings.TrimSuffix(filepath.Base(files[0]), ".pid")))
	if err != nil {
		t.Fatal(err)
	}
	if numbers, err := op.Numbers(pid); err != nil || len(numbers) != 2 || numbers[0] != pid || numbers[1] != 1 {
		t.Errorf("the numbers of process %d are %v, %v", pid, numbers, err)
	}
}

// A service that died is seen, and made again.
func TestServiceDied(t *testing.T) {
	k := newKernel(t)
	s := op.Service{NS: "red", Kind: "http", Port: 80}
	if err := s.Do(k); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(pidOf(t, k, "red-http-80"), &pid); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000); err != nil {
		t.Fatal(err)
	}
	if d := diff(t, k, s); d != "an HTTP server on port 80 in red does not run" {
		t.Errorf("after its death: %q", d)
	}
	if err := s.Do(k); err != nil {
		t.Fatal(err)
	}
	if d := diff(t, k, s); d != "" {
		t.Errorf("after the repair: %q", d)
	}
	if err := s.Undo(k); err != nil {
		t.Fatal(err)
	}
}

// A number that was given to somebody else is not killed.
func TestReusedPid(t *testing.T) {
	k := newKernel(t)
	other := exec.Command("sleep", "1000")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	write(t, k, "red-http-80.pid", fmt.Sprintf("%d 12345\n", other.Process.Pid))
	s := op.Service{NS: "red", Kind: "http", Port: 80}
	if d := diff(t, k, s); d == "" {
		t.Error("a foreign process is taken for the service")
	}
	if err := s.Undo(k); err != nil {
		t.Fatal(err)
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the foreign process: %v", err)
	}
	// Number and start were the same in another run of the machine.
	pid := other.Process.Pid
	p, err := netns.ProcessOf(pid)
	if err != nil {
		t.Fatal(err)
	}
	write(t, k, "red-http-80.pid", fmt.Sprintf("%d %d 4d96a2a7-0000-0000-0000-000000000000\n", pid, p.Start))
	if err := s.Undo(k); err != nil {
		t.Fatal(err)
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil || diff(t, k, s) == "" {
		t.Errorf("the process of another run: %v", err)
	}
	if now, err := netns.ProcessOf(pid); err != nil || now.State == 'Z' {
		t.Errorf("the foreign process was ended: %c, %v", now.State, err)
	}
	write(t, k, "red-http-80.pid", "-1 0\n")
	if err := s.Undo(k); err == nil || !strings.Contains(err.Error(), `want a process and its start time, found "-1 0\n"`) {
		t.Errorf("a damaged record: %v", err)
	}
}

func write(t *testing.T, k *op.Kernel, name, text string) {
	t.Helper()
	if err := os.MkdirAll(k.Dir+"/services", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(k.Dir, "services", name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A service that its starter never wrote down ends by itself.
func TestStarterDied(t *testing.T) {
	kerneltest.Need(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{"nslab", "serve", "http", "8081"}, ExtraFiles: []*os.File{theirs}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	ours.Close()
	if err := cmd.Wait(); err == nil || err.Error() != "exit status 1" {
		t.Errorf("it ended with %v, want exit status 1", err)
	}
}
