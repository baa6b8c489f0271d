package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/proof"
	"nslab/scenarios"
)

var soaks = flag.Int("soaks", 10, "TestSoak: how many `times` the lecture is applied, verified and destroyed (make soak)")

// labsAtOnce is how many labs there are at every moment of the soak. Most of
// the time of one goes by in silence: the lecture also shows what is not answered.
const labsAtOnce = 10

// TestSoak applies, verifies and destroys the lecture again and again, in ten
// labs at once, of two users where there are two. Every check has to come out
// as the lecture says, every time, and in the end the machine is as it was: no
// process, mount, namespace, interface or file more. The last rounds take no more
// memory than the first of all, which a lab has for itself, but for what Go's
// collector finds to be a good moment.
func TestSoak(t *testing.T) {
	if os.Geteuid() != 0 {
		again(t)
		return
	}
	kerneltest.Need(t)
	s := newSoak(t)
	s.round(0, 0, false)
	var all sync.WaitGroup
	for i := range labsAtOnce {
		all.Go(func() { s.lab(i) })
	}
	all.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), releaseWithin)
	defer cancel()
	_, diffs, err := proof.Await(ctx, s.scope, s.before)
	for _, d := range diffs {
		t.Errorf("%s: %s", d.Section, strings.Join(d.Changes(), "; "))
	}
	if err != nil {
		t.Error(err)
	}
	if s.first == 0 || s.last == 0 || s.last > s.first+s.first/2 {
		t.Errorf("an apply took %d KiB at most, in the end %d", s.first, s.last)
	}
	t.Logf("%d rounds in %d labs at once, %d users: %d failed; an apply took %d KiB at most, in the end %d", *soaks, labsAtOnce, s.users(), s.failed, s.first, s.last)
}

// soak is the state of the test.
type soak struct {
	*testing.T
	home   string
	nslab  string
	second bool // there is an ordinary user
	scope  proof.Scope
	before proof.Print

	sync.Mutex
	failed      int
	first, last int64 // the most memory of an apply, in KiB
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	home, err := os.MkdirTemp("", "soak") //nolint:usetesting // the parents of t.TempDir are closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	s := &soak{T: t, home: home, second: mapped()}
	s.nslab, err = installed(home)
	text, terr := scenarios.Read("red-blue")
	runtime := filepath.Join(home, "runtime")
	err = errors.Join(err, terr, os.Mkdir(runtime, 0o700))
	if s.second {
		err = errors.Join(err, os.Chown(runtime, 65534, 65534))
	}
	for i := range labsAtOnce {
		file := strings.Replace(string(text), "\nname: red-blue\n", "\nname: "+soaked(i)+"\n", 1)
		err = errors.Join(err, os.WriteFile(filepath.Join(home, soaked(i)+".yaml"), []byte(file), 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
	s.scope = proof.Scope{State: []string{"/run/nslab", filepath.Join(runtime, "nslab")}, Ours: func(string) bool { return true }}
	if s.before, err = proof.Take(t.Context(), s.scope); err != nil {
		t.Fatal(err)
	}
	return s
}

func soaked(i int) string { return fmt.Sprintf("red-blue-%d", i) }

func (s *soak) users() int {
	if s.second {
		return 2
	}
	return 1
}

// lab goes through its share of the rounds. Every second lab is the ordinary user's.
func (s *soak) lab(i int) {
	rounds := *soaks / labsAtOnce
	if i < *soaks%labsAtOnce {
		rounds++
	}
	for round := range rounds {
		s.round(i, round+1, round+1 == rounds)
	}
}

// round is one of a lab; round 0 is that of one lab alone.
func (s *soak) round(i, round int, last bool) {
	for _, what := range []string{"apply", "verify", "destroy"} {
		used := s.do(i, round, what)
		s.Lock()
		if round == 0 && what == "apply" {
			s.first = max(s.first, used)
		}
		if last && what == "apply" {
			s.last = max(s.last, used)
		}
		s.Unlock()
	}
}

// do runs a command and returns the most memory that it had, in KiB.
func (s *soak) do(i, round int, what string) int64 {
	argv := []string{s.nslab, "-q", what, filepath.Join(s.home, soaked(i)+".yaml")}
	if s.second && i%2 == 1 {
		argv = ordinaryCommand(filepath.Join(s.home, "runtime"), argv...)
	}
	cmd := exec.CommandContext(context.WithoutCancel(s.Context()), argv[0], argv[1:]...)
	cmd.Dir = s.home
	out, err := cmd.CombinedOutput()
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if err != nil || !ok {
		s.Lock()
		defer s.Unlock()
		s.failed++
		s.Errorf("round %d of lab %d: %s: %v\n%s", round, i, what, err, out)
		return 0
	}
	return usage.Maxrss
}
