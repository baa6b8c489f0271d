package sandbox_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nslab/lab/flock"
	"nslab/lab/sandbox"
)

// nth lets something happen before the step of that number, the first is 1, and
// counts all of them.
type nth struct {
	at, n int
	name  string   // of the step
	names []string // of all of them
	what  func() error
}

func (c *nth) step(name string) error {
	c.names = append(c.names, name)
	if c.n++; c.n != c.at {
		return nil
	}
	c.name = name
	return c.what()
}

// faulty starts a sandbox and is killed before a step.
func faulty(name, at string) int {
	n, err := strconv.Atoi(at)
	if err != nil {
		return 2
	}
	c := &nth{at: n, what: func() error { return unix.Kill(os.Getpid(), unix.SIGKILL) }}
	if _, err := sandbox.StartFaulty(name, c.step); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// startSteps are the steps of a starter.
func startSteps(t *testing.T) []string {
	t.Helper()
	start(t, "probe") // skips where there can be none
	c := &nth{}
	s, err := sandbox.StartFaulty("counted", c.step)
	if err != nil {
		t.Fatal(err)
	}
	steps := slices.Clone(c.names) // ending it has some, too
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	empty(t, "counted")
	if len(steps) < 8 {
		t.Fatalf("a start has only the steps %q", steps)
	}
	return steps
}

// Whoever starts a sandbox is killed before each step: the next command finds
// no half of one, and what is left is gone.
func TestStarterKilledAtEachStep(t *testing.T) {
	steps := startSteps(t)
	locked := 1 + slices.Index(steps, "open the lock")
	for at := 1; at <= len(steps); at++ {
		killedAt(t, at)
		if at >= locked && at <= locked+2 && !sandbox.Dead("half") {
			t.Errorf("step %d: nobody sees the directory that is left without a holder", at)
		}
		s, err := sandbox.Find("half")
		if err == nil { // it was written down already, and is about to end by itself
			gone(t, s)
			s, err = sandbox.Find("half")
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("step %d: found %v, %v, want none", at, s, err)
		}
		empty(t, "half")
	}
	t.Logf("killed at each of %d steps", len(steps))
}

// What is left of a starter that was killed is cleared away by the next command
// that makes a sandbox, ends one, or looks for one in vain, whatever its name.
func TestLeftIsSweptByOthers(t *testing.T) {
	left := 0
	for at := range startSteps(t) {
		for what, do := range map[string]func(other *sandbox.Sandbox) error{
			"make one":     func(*sandbox.Sandbox) error { return startBeside("next", "half") },
			"end one":      func(other *sandbox.Sandbox) error { return other.Kill() },
			"look for one": func(*sandbox.Sandbox) error { return findNone("none") },
		} {
			other, err := sandbox.Start("other")
			if err != nil {
				t.Fatal(err)
			}
			killedAt(t, at+1)
			if holderless(t, "half") {
				left++
			}
			if err := do(other); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			empty(t, "half")
			if err := other.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if left == 0 {
		t.Error("nothing was left by any starter that was killed")
	}
}

// startBeside starts a sandbox for a moment; then nothing is left of another.
func startBeside(name, left string) error {
	s, err := sandbox.Start(name)
	if err != nil {
		return err
	}
	root, err := sandbox.Root()
	if _, serr := os.Lstat(filepath.Join(root, left)); serr == nil {
		err = fmt.Errorf("%s is still there", left)
	}
	return errors.Join(err, s.Kill())
}

func findNone(name string) error {
	if s, err := sandbox.Find(name); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("found %v, %w", s, err)
	}
	return nil
}

// holderless waits for the end of a holder whose starter was killed, and says
// whether a directory is left.
func holderless(t *testing.T, name string) bool {
	t.Helper()
	f, err := os.Open(filepath.Join(stateDir(t, name), "lock"))
	if err == nil {
		err = errors.Join(flock.Lock(f), f.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	_, err = os.Lstat(stateDir(t, name))
	return err == nil
}

// killedAt has a starter of the sandbox half killed before a step.
func killedAt(t *testing.T, at int) {
	t.Helper()
	err := exec.Command("/proc/self/exe", "faulty", "half", strconv.Itoa(at)).Run()
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
		t.Fatalf("step %d: not killed: %v", at, err)
	}
}

// Where this would be the only sandbox, what is above its directory goes, too,
// whether the starter is killed or fails.
func TestRootHalfMade(t *testing.T) {
	need(t)
	root, err := sandbox.Root()
	if err != nil {
		t.Fatal(err)
	}
	tops := []string{root}
	if os.Geteuid() == 0 {
		tops = append(tops, filepath.Dir(root))
	}
	without := func(what string) {
		for _, dir := range tops {
			if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("%s: %s is there (%v)", what, dir, err)
			}
		}
	}
	without("before")
	for at := 1; at <= len(tops)+2; at++ {
		killedAt(t, at)
		if s, err := sandbox.Find("half"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("step %d: found %v, %v, want none", at, s, err)
		}
		without(fmt.Sprintf("killed at step %d", at))
		c := &nth{at: at, what: func() error { return unix.EIO }}
		if s, err := sandbox.StartFaulty("half", c.step); !errors.Is(err, unix.EIO) {
			t.Errorf("%s: got %v, %v, want EIO", c.name, s, err)
		}
		without("failed to " + c.name)
	}
}

// What fails leaves nothing, without another command.
func TestStartFailsAtEachStep(t *testing.T) {
	for at := range len(startSteps(t)) {
		c := &nth{at: at + 1, what: func() error { return unix.EIO }}
		if s, err := sandbox.StartFaulty("failing", c.step); !errors.Is(err, unix.EIO) {
			t.Errorf("%s: got %v, %v, want EIO", c.name, s, err)
		}
		empty(t, "failing")
	}
}

// dying begins the name of a sandbox whose holder ends before a step.
const dying = "dying-at-"

func dieAt(at string) func(string) error {
	n, err := strconv.Atoi(at)
	if err != nil {
		return func(string) error { return err }
	}
	c := &nth{at: n, what: func() error { os.Exit(9); return nil }}
	return c.step
}

// The holder ends before each step: the starter tells, and nothing is left.
func TestHolderEndsAtEachStep(t *testing.T) {
	start(t, "probe")
	for at := 1; ; at++ {
		name := dying + strconv.Itoa(at)
		s, err := sandbox.Start(name)
		if err != nil {
			empty(t, name)
			continue
		}
		found, err := sandbox.Find(name)
		if err == nil && found.Kill() == nil && at < 10 {
			t.Errorf("it lived over step %d", at)
		}
		gone(t, s)
		if _, err := sandbox.Find(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: Find: %v, want fs.ErrNotExist", name, err)
		}
		empty(t, name)
		if err == nil {
			t.Logf("ended before each of %d steps", at-1)
			return
		}
	}
}
