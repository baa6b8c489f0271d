package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/proof"
)

var kills = flag.Int("kills", 4, "TestKilled: how many `times` an nslab is killed in each place (make kill)")

// TestKilled kills nslab at random moments: an apply, which is then gone on
// with or not, or a destroy. After a destroy the machine is as it was.
func TestKilled(t *testing.T) {
	if os.Geteuid() != 0 {
		again(t)
		return
	}
	kerneltest.Need(t)
	// Where a rule would be refused because bridges go by iptables; a kernel without br_netfilter has no such setting.
	_ = os.WriteFile("/proc/sys/net/bridge/bridge-nf-call-iptables", []byte("0"), 0o644)
	home, err := os.MkdirTemp("", "killed") //nolint:usetesting // the parents of t.TempDir are closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	nslab, err := installed(home)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("machine", func(t *testing.T) { newKiller(t, home, []string{nslab}, "--host=machine").rounds() })
	t.Run("sandbox", func(t *testing.T) { newKiller(t, home, []string{nslab}).rounds() })
	t.Run("ordinary", func(t *testing.T) {
		if !mapped() {
			t.Skip("become another user: this user namespace has only one")
		}
		runtime := filepath.Join(home, "runtime")
		if err := errors.Join(os.Mkdir(runtime, 0o700), os.Chown(runtime, 65534, 65534)); err != nil {
			t.Fatal(err)
		}
		newKiller(t, home, ordinaryCommand(runtime, nslab)).rounds()
	})
}

// killer starts an nslab again and again to kill it.
type killer struct {
	*testing.T
	home   string // where nslab lies, and what an ordinary user has at run time
	nslab  []string
	flags  []string // of apply
	random *rand.Rand
	scope  proof.Scope
	before proof.Print
	look   string
	takes  map[string]time.Duration // a command that nobody kills
}

func newKiller(t *testing.T, home string, nslab []string, flags ...string) *killer {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	k := &killer{
		T: t, home: home, nslab: nslab, flags: flags, random: rand.New(rand.NewPCG(seed, 0)), takes: map[string]time.Duration{},
		scope: proof.Scope{State: []string{"/run/nslab", filepath.Join(home, "runtime/nslab")}, Ours: func(string) bool { return true }},
	}
	var err error
	if k.before, err = proof.Take(t.Context(), k.scope); err != nil {
		t.Fatal(err)
	}
	k.look = looked()
	return k
}

func (k *killer) rounds() {
	k.undisturbed()
	killed := 0
	for round := range *kills {
		what := "apply"
		if round%3 == 2 {
			what = "destroy"
			k.must("apply")
		}
		sig := []unix.Signal{unix.SIGKILL, unix.SIGINT, unix.SIGKILL, unix.SIGTERM}[k.random.IntN(4)]
		after := time.Duration(k.random.Int64N(int64(k.takes[what])))
		alone := k.random.IntN(2) == 0 // or with all that it has started
		if k.kill(what, sig, after, alone) {
			killed++
		}
		if what == "apply" && round%2 == 1 {
			k.must("apply")
		}
		k.must("destroy")
		k.equal(fmt.Sprintf("%s: %v after %v, alone: %v", what, sig, after, alone))
	}
	if look := looked(); look != k.look {
		k.Errorf("left behind (-before +after):\n%s", cmp.Diff(k.look, look))
	}
	k.Logf("%d rounds, %d killed", *kills, killed)
}

// undisturbed measures how long the commands take.
func (k *killer) undisturbed() {
	k.Helper()
	for _, what := range []string{"apply", "destroy"} {
		began := time.Now()
		k.must(what)
		k.takes[what] = time.Since(began)
	}
	k.equal("undisturbed")
}

func (k *killer) command(what string) *exec.Cmd {
	words := append(append([]string{}, k.nslab...), what, "red-blue")
	if what == "apply" {
		words = append(words, append(k.flags, "--no-verify")...)
	}
	cmd := exec.CommandContext(context.WithoutCancel(k.Context()), words[0], words[1:]...)
	cmd.Dir = k.home
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// must runs a command, which must succeed.
func (k *killer) must(what string) {
	k.Helper()
	if out, err := k.command(what).CombinedOutput(); err != nil {
		k.Errorf("%s: %v\n%s", what, err, out)
	}
}

// kill runs a command and sends it a signal after a while, and says whether it
// was not too late.
func (k *killer) kill(what string, sig unix.Signal, after time.Duration, alone bool) bool {
	k.Helper()
	cmd := k.command(what)
	if err := cmd.Start(); err != nil {
		k.Fatal(err)
	}
	ended := make(chan bool, 1)
	go func() { ended <- cmd.Wait() != nil }()
	who := -cmd.Process.Pid
	if alone {
		who = cmd.Process.Pid
	}
	select {
	case <-ended:
		return false
	case <-time.After(after):
	}
	if err := unix.Kill(who, sig); err != nil && !errors.Is(err, unix.ESRCH) {
		k.Fatal(err)
	}
	return <-ended
}

// equal demands that the machine is as it was.
func (k *killer) equal(what string) {
	k.Helper()
	ctx, cancel := context.WithTimeout(k.Context(), 10*time.Second)
	defer cancel()
	now, diffs, err := proof.Await(ctx, k.scope, k.before)
	if err != nil {
		k.Fatal(err)
	}
	for _, d := range diffs {
		k.Errorf("%s: %s: %s", what, d.Section, strings.Join(d.Changes(), "; "))
		k.before = now
	}
	for len(k.running()) > 0 {
		select {
		case <-ctx.Done():
			k.Fatalf("%s: still there: processes %v", what, k.running())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// running are the processes of that nslab, whoever's they are.
func (k *killer) running() (pids []string) {
	exes, _ := filepath.Glob("/proc/[0-9]*/exe") // the pattern is good
	for _, exe := range exes {
		if target, err := os.Readlink(exe); err == nil && target == filepath.Join(k.home, "nslab") {
			pids = append(pids, strings.Split(exe, "/")[2])
		}
	}
	return pids
}
