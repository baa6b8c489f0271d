package lab_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"nslab/lab"
	"nslab/lab/kerneltest"
	"nslab/lab/probe"
)

// counter counts what is done to facts, and may kill the process at one.
type counter struct{ n, killAt int }

func (*counter) Stage(*lab.Stage, lab.Change) {}
func (*counter) Check(probe.Result)           {}
func (*counter) Done(lab.StageReport)         {}
func (c *counter) Fact(e lab.Event) {
	if e.Verb == lab.Unchanged {
		return
	}
	if c.n++; c.n == c.killAt {
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
	}
}

// killedRole applies a lab and kills itself at a fact.
func killedRole(args []string) error {
	p, err := compiled(args[1])
	if err != nil {
		return err
	}
	at, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	l, err := lab.Open(args[0], p.Name())
	if err != nil {
		return err
	}
	_, err = l.Apply(context.Background(), p, lab.Options{NoVerify: true, Observer: &counter{killAt: at}})
	return errors.Join(err, errors.New("still alive"))
}

// TestKilled kills an apply with SIGKILL behind every fact of the lecture, and
// behind some of other labs. What is left is destroyed, or gone on with, turn
// about, and both where only some facts are taken.
func TestKilled(t *testing.T) {
	kerneltest.Need(t)
	writableEtc(t)
	for _, tt := range []struct {
		name  string
		every int
	}{{"red-blue", 1}, {"testdata/everything.yaml", 17}, {"dual-stack", 11}} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := compiled(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			k := killings{t, tt.name, p, labs(t), fingerprint(t), ""}
			last := k.undisturbed()
			points := 0
			for at := 1; at <= last; at += tt.every {
				if points++; points%2 == 0 || tt.every > 1 {
					k.destroyed(at)
				}
				if points%2 == 1 || tt.every > 1 {
					k.wentOn(at)
				}
			}
			if diff := cmp.Diff(k.before, fingerprint(t)); diff != "" {
				t.Errorf("left behind (-before +after):\n%s", diff)
			}
			t.Logf("killed at %d of %d points", points, last)
		})
	}
}

type killings struct {
	t             *testing.T
	name          string
	p             *lab.Plan
	dir           string
	before, whole string
}

// undisturbed counts the points at which a lab can be killed, and keeps what
// it looks like when nobody does.
func (k *killings) undisturbed() int {
	k.t.Helper()
	var c counter
	l := open(k.t, k.dir, k.p.Name())
	if _, err := l.Apply(k.t.Context(), k.p, lab.Options{NoVerify: true, Observer: &c}); err != nil {
		k.t.Fatal(err)
	}
	k.whole = k.dump()
	k.down(l)
	return c.n
}

func (k *killings) dump() string {
	k.t.Helper()
	d, err := dump()
	if err != nil {
		k.t.Fatal(err)
	}
	return d
}

func (k *killings) down(l *lab.Lab) {
	k.t.Helper()
	if err := errors.Join(l.Destroy(nil), l.Close()); err != nil {
		k.t.Errorf("destroy: %v", err)
	}
}

// kill applies the lab and kills it.
func (k *killings) kill(at int) *lab.Lab {
	k.t.Helper()
	err := self(k.t, "killed", k.dir, k.name, strconv.Itoa(at)).Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
		k.t.Fatalf("fact %d: it was not killed: %v", at, err)
	}
	return open(k.t, k.dir, k.p.Name())
}

func (k *killings) destroyed(at int) {
	k.t.Helper()
	k.down(k.kill(at))
	if left, err := os.ReadDir(k.dir); err == nil && len(left) > 0 {
		k.t.Errorf("killed at fact %d, destroyed: the directory has %v", at, left)
	}
	if diff := cmp.Diff(k.before, fingerprint(k.t)); diff != "" {
		k.t.Errorf("killed at fact %d, destroyed (-before +after):\n%s", at, diff)
	}
}

func (k *killings) wentOn(at int) {
	k.t.Helper()
	l := k.kill(at)
	if _, err := l.Apply(k.t.Context(), k.p, lab.Options{NoVerify: true}); err != nil {
		k.t.Errorf("killed at fact %d, applied again: %v", at, err)
	}
	drift, err := l.Status()
	if err != nil || len(drift) > 0 {
		k.t.Errorf("killed at fact %d, applied again: not true: %v %v", at, drift, err)
	}
	if at%10 == 1 { // a dump takes its time
		if diff := cmp.Diff(k.whole, k.dump()); diff != "" {
			k.t.Errorf("killed at fact %d, applied again (-undisturbed +now):\n%s", at, diff)
		}
	}
	k.down(l)
}

// TestKilledAndProved asks the probes of a lab that was killed and gone on with.
func TestKilledAndProved(t *testing.T) {
	kerneltest.Need(t)
	p, err := compiled("port-forward")
	if err != nil {
		t.Fatal(err)
	}
	k := killings{t, "port-forward", p, labs(t), fingerprint(t), ""}
	l := k.kill(k.undisturbed() / 2)
	r, err := l.Apply(t.Context(), p, lab.Options{KeepGoing: true})
	if err != nil || r.Failed() {
		t.Error(err, fmt.Sprintf("%+v", r))
	}
	k.down(l)
}
