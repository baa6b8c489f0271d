package lab_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"

	"nslab/lab"
	"nslab/lab/kerneltest"
	"nslab/scenarios"
)

var faults = flag.String("faults", "few", "TestFaults: a `few`, one at each point, or all (make faults)")

// TestFaults lets things go wrong at the points of apply, of destroy and of the
// way back from a failed apply: an error, SIGKILL, SIGINT, SIGTERM. Whatever it
// was, destroy leaves the machine as it was. Each way is gone on a machine of
// its own: as in a sandbox, and as on a real one, where the world outside is
// not built.
func TestFaults(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "ip", "nft", "sysctl")
	if !slices.Contains([]string{"few", "one", "all"}, *faults) {
		t.Fatalf("-faults %q: want few, one or all", *faults)
	}
	all := tally{Faults: map[string]int{}}
	for i, name := range append(scenarios.Names(), "testdata/everything.yaml", "testdata/policy.yaml", smallest) {
		for _, place := range faultPlaces(i, name) {
			t.Run(name+"/"+place, func(t *testing.T) {
				p, err := compiled(name)
				if err != nil {
					t.Fatal(err)
				}
				hasAll(t, p)
				one := tally{Faults: map[string]int{}}
				for _, got := range together(t, faultJobs(name, place)) {
					one.add(got)
				}
				for _, left := range one.Left {
					t.Error(left)
				}
				if one.faults() == 0 {
					t.Error("nothing ever went wrong")
				}
				t.Log(one.String())
				all.add(one)
			})
		}
	}
	t.Log(all.String())
}

// TestKilledAndProved asks the probes of a lab that was killed in the middle and
// gone on with.
func TestKilledAndProved(t *testing.T) {
	kerneltest.Need(t)
	writableEtc(t)
	w, err := newWrecker(`{"Scenario":"port-forward","Way":"apply"}`)
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.do(0, "")
	w.mop("undisturbed")
	if err != nil || !w.killed(b.n/2) {
		t.Fatalf("it was not killed: %v", err)
	}
	err = w.with(func(l *lab.Lab) error {
		r, err := l.Apply(t.Context(), w.plan, lab.Options{KeepGoing: true})
		if err == nil && r.Failed() {
			err = fmt.Errorf("a check failed: %+v", r)
		}
		return err
	})
	w.mop("killed")
	if err != nil || len(w.Left) > 0 {
		t.Error(err, w.Left)
	}
}

// smallest is a lab at each of whose points everything goes wrong every time.
const smallest = "testdata/room.yaml"

// faultPlaces are where a scenario is broken; of a few, the lecture in both
// places and the others by turns.
func faultPlaces(i int, name string) []string {
	both := []string{"sandbox", "machine"}
	if *faults != "few" || name == "red-blue" {
		return both
	}
	return both[i%2 : i%2+1]
}

// faultJob is what one machine is there for.
type faultJob struct {
	Scenario string
	Machine  bool // host: machine
	Way      string
	Step     int    // from point to point
	Kinds    string // few, one or all at each of them
}

// faultJobs are as many as were asked for; of a few, most are in the lecture.
func faultJobs(name, place string) (jobs []faultJob) {
	step, kinds := 131, *faults
	switch {
	case name == smallest:
		step, kinds = 1, "all"
	case *faults != "few":
		step = 1
	case name == "red-blue" && place == "sandbox":
		step = 19
	}
	for _, way := range []string{"apply", "destroy", "back", "back-half"} {
		jobs = append(jobs, faultJob{name, place == "machine", way, step, kinds})
	}
	return jobs
}

// together does jobs at the same time: most of it is waiting for the kernel.
func together(t *testing.T, jobs []faultJob) []tally {
	t.Helper()
	out, errs := make([]tally, len(jobs)), make([]error, len(jobs))
	var all sync.WaitGroup
	for i, job := range jobs {
		all.Go(func() { out[i], errs[i] = job.run(t.Context()) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return out
}

func (j faultJob) run(ctx context.Context) (got tally, err error) {
	args, err := json.Marshal(j)
	if err != nil {
		return got, err
	}
	out, err := otherKernel(ctx, "rig", "faults", string(args))
	if err == nil {
		err = json.Unmarshal([]byte(out), &got)
	}
	return got, err
}

// tally is what became of them.
type tally struct {
	Points int
	Faults map[string]int // by kind
	Left   []string       // what destroy has left behind, or other wonders
}

func (a *tally) add(b tally) {
	a.Points += b.Points
	for kind, n := range b.Faults {
		a.Faults[kind] += n
	}
	a.Left = append(a.Left, b.Left...)
}

func (a tally) faults() (n int) {
	for _, of := range a.Faults {
		n += of
	}
	return n
}

func (a tally) String() string {
	return fmt.Sprintf("%d points, %d faults (%v), %d left anything behind", a.Points, a.faults(), a.Faults, len(a.Left))
}
