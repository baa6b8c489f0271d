package lab

import (
	"context"
	"fmt"
	"time"

	"nslab/lab/op"
)

// Words of kubectl for what happened to a fact.
const (
	Created    = "created"
	Configured = "configured" // it had drifted and is true again
	Unchanged  = "unchanged"
	Deleted    = "deleted"
)

// Event is told of every fact that the engine has dealt with.
type Event struct {
	Step Step
	Verb string // Created, Configured, Unchanged, Deleted
	Diff string // what had drifted, of Configured
	Err  error  // nil when it went well
	Took time.Duration
}

// StepError is a fact that the kernel refused, with the line that asked for it
// and the command that would have met the same refusal.
type StepError struct {
	Step Step
	Undo bool
	Err  error
}

func (e *StepError) Error() string {
	c := e.Step.Op.Command()
	if e.Undo {
		c = e.Step.Op.Inverse()
	}
	what := e.Step.Op.String()
	if len(c) > 0 && !c.IsRemark() {
		what = c.String()
	}
	if e.Step.Pos.Line == 0 {
		return fmt.Sprintf("%s: %v", what, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", e.Step.Pos, what, e.Err)
}

func (e *StepError) Unwrap() error { return e.Err }

// Engine brings the kernel from one list of facts to another. It is the only
// thing that calls Do and Undo.
type Engine struct {
	Kernel  *op.Kernel
	Journal *Journal
	Watch   func(Event) // told of every fact; may be nil

	seen map[op.Op]bool // made or found true by this engine; false: look again
}

// To makes exactly the facts of want true: what the journal has and want has
// not is undone, what is new is made, what has drifted is mended. What this
// engine has seen to be true it does not look at again. It stops at the first
// refusal, or when ctx ends; the journal knows what may be true then.
func (e *Engine) To(ctx context.Context, at string, want []Step) error {
	return e.session(func() error { return e.to(ctx, at, want) })
}

// session keeps everything that f does on one thread.
func (e *Engine) session(f func() error) error {
	outer := e.Kernel
	defer func() { e.Kernel = outer }()
	return outer.Session(func(k *op.Kernel) error {
		e.Kernel = k
		return f()
	})
}

func (e *Engine) to(ctx context.Context, at string, want []Step) error {
	c := Difference(e.Journal.Have, want)
	if err := e.Journal.begin(c); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if err := e.undo(ctx, c); err != nil {
		return err
	}
	if err := e.makeAll(ctx, want, set(c.Add)); err != nil {
		return err
	}
	return e.Journal.end(at, want)
}

func (e *Engine) makeAll(ctx context.Context, want []Step, fresh map[op.Op]bool) error {
	if e.seen == nil {
		e.seen = map[op.Op]bool{}
	}
	for _, s := range want {
		if e.seen[s.Op] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.make(s, fresh[s.Op]); err != nil {
			return err
		}
		e.seen[s.Op] = true
	}
	return nil
}

func (e *Engine) tell(ev Event) {
	if e.Watch != nil {
		e.Watch(ev)
	}
}

// make makes one fact true. One that the lab has not made before needs no
// look first: Do fails when something is in the way, and then Diff tells
// whether it is what was wanted, by whatever hand.
func (e *Engine) make(s Step, fresh bool) error {
	start := time.Now()
	_, again := e.seen[s.Op]
	ev := Event{Step: s, Verb: Created}
	if !fresh {
		ev.Verb, ev.Diff, ev.Err = e.drift(s)
	}
	if ev.Err == nil && ev.Verb != Unchanged {
		ev.Err = e.do(s, ev.Verb == Configured)
	}
	ev.Took = time.Since(start)
	if ev.Err != nil {
		ev.Err = &StepError{Step: s, Err: ev.Err}
	}
	if !again || ev.Verb != Unchanged { // twice unchanged is told once
		e.tell(ev)
	}
	return ev.Err
}

// drift looks at a fact that should be true already.
func (e *Engine) drift(s Step) (verb, diff string, err error) {
	diff, err = s.Op.Diff(e.Kernel)
	if err != nil || diff == "" {
		return Unchanged, "", err
	}
	return Configured, diff, nil
}

func (e *Engine) do(s Step, again bool) error {
	if again { // what is left of the old one may be in the way
		if err := s.Op.Undo(e.Kernel); err != nil {
			return err
		}
	}
	if r, ok := s.Op.(op.Rememberer); ok {
		was, err := r.Before(e.Kernel)
		if err != nil {
			return err
		}
		if err := e.Journal.remember(s.Op, was); err != nil {
			return fmt.Errorf("write the journal: %w", err)
		}
	}
	err := s.Op.Do(e.Kernel)
	if err == nil {
		return nil
	}
	diff, derr := s.Op.Diff(e.Kernel)
	switch {
	case derr == nil && diff == "":
		return nil
	case diff != "" && derr == nil:
		return fmt.Errorf("%w (%s)", err, diff)
	}
	return err
}

// undo makes the facts of c.Gone false. Most of them go with another.
func (e *Engine) undo(ctx context.Context, c Change) error {
	root := set(c.ByHand())
	for _, s := range c.Gone {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.unmake(s, root[s.Op]); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) unmake(s Step, byHand bool) error {
	start := time.Now()
	ev := Event{Step: s, Verb: Deleted}
	if byHand {
		if err := s.Op.Undo(e.Kernel); err != nil {
			ev.Err = &StepError{Step: s, Undo: true, Err: err}
		}
	}
	ev.Took = time.Since(start)
	e.doubt()
	delete(e.seen, s.Op)
	e.tell(ev)
	return ev.Err
}

// doubt has every fact looked at again. The kernel takes more along than it is
// told to: the routes through an address, the other addresses of its network.
func (e *Engine) doubt() {
	for o := range e.seen {
		e.seen[o] = false
	}
}
