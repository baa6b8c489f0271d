package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/sandbox"
)

// awaited is a program that waits for its sandbox, and says where it is then.
func awaited(path string) int {
	if err := sandbox.AwaitSetUp(); err != nil {
		return 7
	}
	lab, _ := sandbox.Inside()
	dir, _ := os.Getwd()
	_, gate := os.LookupEnv("NSLAB_GATE")
	_, err := unix.FcntlInt(3, unix.F_GETFD, 0)
	said := fmt.Sprintf("in %s, at %s, told of the gate: %v, it is open: %v\n", lab, dir, gate, err == nil)
	if err := os.WriteFile(path, []byte(said), 0o600); err != nil {
		return 8
	}
	return 3
}

// first is awaited as the first command of a sandbox. It writes to the file.
func first(tb testing.TB, dir string) (c sandbox.Command, file string) {
	tb.Helper()
	file = filepath.Join(tb.TempDir(), "said")
	return firstTo(file, dir), file
}

func firstTo(file, dir string) sandbox.Command {
	return sandbox.Command{
		Argv: []string{"/proc/self/exe", "awaited", file}, Env: os.Environ(), Dir: dir,
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
	}
}

// The first command of a sandbox sees the sandbox as it is when set up.
func TestStartWith(t *testing.T) {
	start(t, "probe") // skips where there can be none
	wants := map[string]string{"/usr": "/usr", "/run/netns": "/run/netns", "/run/lock": "/run/lock", "/no/such": "/"}
	if covered := "/run/covered"; os.Mkdir(covered, 0o755) == nil { // not by an ordinary user
		defer os.Remove(covered)
		wants[covered] = "/"
	}
	for dir, want := range wants {
		c, file := first(t, dir)
		s, code, err := sandbox.StartWith("first", c)
		if err != nil {
			t.Fatal(err)
		}
		if code != 3 {
			t.Errorf("exit status %d, want 3", code)
		}
		got, _ := os.ReadFile(file)
		if want := fmt.Sprintf("in first, at %s, told of the gate: false, it is open: false\n", want); string(got) != want {
			t.Errorf("from %s: %swant %s", dir, got, want)
		}
		if found, err := sandbox.Find("first"); err != nil || found.Pid != s.Pid {
			t.Errorf("found %v, %v, want %v", found, err, s)
		}
		if _, _, err := sandbox.StartWith("first", c); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a second one: %v, want fs.ErrExist", err)
		}
		if err := s.Kill(); err != nil {
			t.Error(err)
		}
		empty(t, "first")
	}
}

// Where the command cannot be run there is a sandbox all the same.
func TestStartWithNoCommand(t *testing.T) {
	start(t, "probe")
	c, _ := first(t, "")
	c.Argv = []string{"/no/such"}
	s, _, err := sandbox.StartWith("first", c)
	if s == nil || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, %v, want a sandbox and fs.ErrNotExist", s, err)
	}
	if err := s.Kill(); err != nil {
		t.Error(err)
	}
	empty(t, "first")
}

// A signal that comes before the command can take one ends it: that is told apart
// from a command that ends like that by itself.
func TestStartWithSignal(t *testing.T) {
	start(t, "probe")
	tests := []struct {
		argv []string
		want error
		code int
	}{
		{[]string{"sh", "-c", "kill -INT $$"}, context.Canceled, 130},
		{[]string{"sh", "-c", "kill -TERM $$"}, context.Canceled, 143},
		{[]string{"sh", "-c", "kill -KILL $$"}, nil, 137},
		{[]string{"sh", "-c", "exit 130"}, nil, 130},
	}
	for _, tt := range tests {
		c, _ := first(t, "")
		c.Argv = tt.argv
		s, code, err := sandbox.StartWith("first", c)
		if !errors.Is(err, tt.want) || code != tt.code {
			t.Errorf("%q: exit status %d, %v, want %d, %v", tt.argv, code, err, tt.code, tt.want)
		}
		if err := s.Kill(); err != nil {
			t.Error(err)
		}
	}
}

// Where the start fails, the command ends without having seen anything.
func TestStartWithFails(t *testing.T) {
	for at, step := range startSteps(t) {
		c, file := first(t, "")
		fault := &nth{at: at + 1, what: func() error { return unix.EIO }}
		if s, _, err := sandbox.StartFaultyWith("failing", c, fault.step); s != nil || !errors.Is(err, unix.EIO) {
			t.Errorf("%s: got %v, %v, want EIO", step, s, err)
		}
		empty(t, "failing")
		unseen(t, step, file)
	}
}

// The same where the holder ends before it is set up.
func TestStartWithHolderEnds(t *testing.T) {
	start(t, "probe")
	for at := 1; ; at++ {
		name := dying + strconv.Itoa(at)
		c, file := first(t, "")
		s, _, _ := sandbox.StartWith(name, c)
		if s != nil { // it was set up before that step
			if err := s.Kill(); err != nil {
				t.Error(err)
			}
			empty(t, name)
			if at <= 10 {
				t.Errorf("it lived over step %d", at)
			}
			return
		}
		empty(t, name)
		unseen(t, name, file)
	}
}

// And where the starter is killed.
func TestStartWithKilled(t *testing.T) {
	for at, step := range startSteps(t) {
		file := filepath.Join(t.TempDir(), "said")
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/proc/self/exe", "faulty-with", "half", strconv.Itoa(at+1), file)
		cmd.ExtraFiles = []*os.File{w} // which the command of the sandbox inherits
		err = cmd.Run()
		w.Close()
		exit := (*exec.ExitError)(nil)
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
			t.Errorf("%s: not killed: %v", step, err)
		}
		if err := r.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); err != nil { // ends with the last who has it
			t.Errorf("%s: the command lives: %v", step, err)
		}
		r.Close()
		unseen(t, step, file)
		holderless(t, "half")
		if err := findNone("half"); err != nil {
			t.Errorf("%s: %v", step, err)
		}
		empty(t, "half")
	}
}

// faultyWith is faulty with a first command.
func faultyWith(name, at, file string) int {
	n, err := strconv.Atoi(at)
	if err != nil {
		return 2
	}
	kill := &nth{at: n, what: func() error { return unix.Kill(os.Getpid(), unix.SIGKILL) }}
	c := firstTo(file, "")
	c.Files = append(c.Files, os.NewFile(3, "witness"))
	if _, _, err := sandbox.StartFaultyWith(name, c, kill.step); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// unseen checks that the command has not gone on. That it was buried is seen by
// the end of the start: the holder cannot end before it.
func unseen(t *testing.T, when, file string) {
	t.Helper()
	if said, err := os.ReadFile(file); err == nil {
		t.Errorf("%s: the command went on: %s", when, said)
	}
}
