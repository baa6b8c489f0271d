package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"nslab/lab/op"
	"nslab/lab/probe"
)

// Observer is told what happens while it happens. Libraries print nothing.
type Observer interface {
	Stage(s *Stage, c Change) // a stage begins
	Fact(Event)
	Check(probe.Result)
	Done(StageReport) // a stage has ended
}

// Options of Apply. The zero value builds everything and asks every probe.
type Options struct {
	To        string // the step to stop at; the last when empty
	NoVerify  bool
	KeepGoing bool // go on after a failed check, as a test does
	Observer  Observer
}

// ErrNoStage says that the lab has no step of the name asked for.
var ErrNoStage = errors.New("no such step")

// Apply brings the lab to the plan, stage by stage, each proved before the
// next. A lab that stands at a stage is mended first and goes on from there.
// What the kernel refuses is an error, and what this call had made is taken
// back; a check that fails is no error: it is in the Report. When ctx ends the
// lab stays as it is, for Apply to go on or Destroy to remove.
func (l *Lab) Apply(ctx context.Context, p *Plan, o Options) (*Report, error) {
	target, err := p.target(o.To)
	if err != nil {
		return nil, err
	}
	if o.Observer == nil {
		o.Observer = silent{}
	}
	start, startAt := l.Journal.Reached, l.Journal.At
	e := &Engine{Kernel: l.Kernel, Journal: l.Journal}
	r := &Report{}
	for i := l.first(p, target); i <= target; i++ {
		sr, err := l.stage(ctx, e, p, i, i == target, o)
		r.Stages = append(r.Stages, sr)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if err != nil {
			left := l.back(startAt, start)
			return r, &BuildError{p.Stages[i].Name.Text, l.Journal.At, err, left}
		}
		if sr.Failed() && !o.KeepGoing {
			return r, nil
		}
	}
	return r, nil
}

func (p *Plan) target(to string) (int, error) {
	if to == "" {
		return len(p.Stages) - 1, nil
	}
	if i := p.Index(to); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("%w: %q is none of %s", ErrNoStage, to, strings.Join(p.Names(), ", "))
}

// first is the stage to begin with: the one the lab stands at, to mend it,
// unless the way leads back.
func (l *Lab) first(p *Plan, target int) int {
	if len(l.Journal.Have) == 0 {
		return 0
	}
	if at := p.Index(l.Journal.At); at >= 0 && at <= target {
		return at
	}
	if l.Journal.At == "" { // it never got anywhere
		return 0
	}
	return target
}

// back takes what a failed Apply has done back.
func (l *Lab) back(at string, have []Step) error {
	e := &Engine{Kernel: l.Kernel, Journal: l.Journal}
	if len(have) == 0 {
		return e.Down()
	}
	return e.To(context.Background(), at, have)
}

func (l *Lab) stage(ctx context.Context, e *Engine, p *Plan, i int, last bool, o Options) (StageReport, error) {
	s := &p.Stages[i]
	r := StageReport{Stage: s, Verbs: map[string]int{}}
	proved := s.Name.Text == l.Journal.At && !l.Journal.Open && l.Journal.Proved == questions(s)
	o.Observer.Stage(s, Difference(l.Journal.Have, s.Facts))
	began := time.Now()
	changed := map[op.Op]bool{}
	e.Watch = func(ev Event) {
		r.Verbs[ev.Verb]++
		changed[ev.Step.Op] = ev.Verb != Unchanged
		o.Observer.Fact(ev)
	}
	err := e.To(ctx, s.Name.Text, s.Facts)
	if err == nil {
		err = ready(ctx, l.Kernel, filter(s.Facts, func(s Step) bool { return changed[s.Op] || isBridge(s) }))
	}
	r.Built = time.Since(began)
	same := proved && r.Verbs[Unchanged] == len(s.Facts)
	if err == nil && !o.NoVerify && (last || !same) {
		began = time.Now()
		r.Results = l.ask(ctx, p, s, o.Observer.Check)
		r.Asked = time.Since(began)
		if ctx.Err() == nil && !r.Failed() {
			err = l.Journal.prove(questions(s))
		}
	}
	o.Observer.Done(r)
	return r, err
}

// questions tells the checks of a stage from others: a stage that was proved
// need not be proved again on the way to the next, unless it asks something else.
func questions(s *Stage) string {
	h := sha256.New()
	for _, a := range s.Checks {
		fmt.Fprintf(h, "%s\x00%s\x00", a.Probe, a.Expect)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// readyWithin bounds the wait for the kernel to be as good as its word.
const readyWithin = 15 * time.Second

// ready waits until the facts have taken effect, so that the first packet is
// answered. The last one is waited for first: then the others are ready.
func ready(ctx context.Context, k *op.Kernel, facts []Step) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	return k.Session(func(k *op.Kernel) error {
		op.Settle(k, ops(facts))
		for _, s := range slices.Backward(facts) {
			if w, ok := s.Op.(op.Waiter); ok {
				if err := w.Wait(ctx, k); err != nil {
					return &StepError{Step: s, Err: fmt.Errorf("waiting for it to take effect: %w", err)}
				}
			}
		}
		return nil
	})
}

// isBridge says whether a fact is a bridge's: a bridge comes alive with its
// first port, steps after it was made.
func isBridge(s Step) bool {
	_, yes := s.Op.(op.Bridge)
	return yes
}

// Verify asks the probes of the stage that the lab stands at.
func (l *Lab) Verify(ctx context.Context, p *Plan, watch func(probe.Result)) ([]probe.Result, error) {
	i := p.Index(l.Journal.At)
	if i < 0 {
		return nil, fmt.Errorf("%w: the lab stands at %q", ErrNoStage, l.Journal.At)
	}
	return l.ask(ctx, p, &p.Stages[i], watch), nil
}

// Destroy takes the lab down. It goes on after failures and returns them all;
// what could not be removed stays in the journal for the next Destroy.
func (l *Lab) Destroy(watch func(Event)) error {
	return (&Engine{Kernel: l.Kernel, Journal: l.Journal, Watch: watch}).Down()
}

// Status returns the facts of the lab that are not true now.
func (l *Lab) Status() ([]Drift, error) {
	return (&Engine{Kernel: l.Kernel, Journal: l.Journal}).Check()
}

type silent struct{}

func (silent) Stage(*Stage, Change) {}
func (silent) Fact(Event)           {}
func (silent) Check(probe.Result)   {}
func (silent) Done(StageReport)     {}
