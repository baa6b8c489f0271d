package lab

import (
	"context"
	"fmt"
	"time"

	"nslab/lab/op"
)

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
	if err := ctx.Err(); err != nil {
		return err
	}
	return e.Journal.end(at, want)
}

// makeAll makes the facts of want true, in their order. New ones that can be
// made together wait for each other, until something else is to be done.
func (e *Engine) makeAll(ctx context.Context, want []Step, fresh map[op.Op]bool) error {
	if e.seen == nil {
		e.seen = map[op.Op]bool{}
	}
	var waiting []Step
	for _, s := range want {
		if e.seen[s.Op] {
			continue
		}
		if fresh[s.Op] && op.CanJoin(s.Op) {
			waiting = append(waiting, s)
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		ev := e.look(s, fresh[s.Op])
		if ev.Verb != Unchanged {
			if err := e.together(ctx, waiting); err != nil {
				return err
			}
			waiting = nil
		}
		if err := e.make(ev); err != nil {
			return err
		}
	}
	return e.together(ctx, waiting)
}

// together makes new facts true, all at once.
func (e *Engine) together(ctx context.Context, steps []Step) error {
	start := time.Now()
	by := op.Hands{Alone: func(o op.Op) error { return e.do(o, false) }, Remember: e.remember}
	made, failed, err := op.Together(ctx, e.Kernel, ops(steps), by)
	took := time.Since(start) / time.Duration(max(1, len(steps)))
	for i, s := range steps {
		if made[i] {
			e.seen[s.Op] = true
			e.tell(Event{Step: s, Verb: Created, Took: took})
		}
	}
	if failed >= 0 {
		err = &StepError{Step: steps[failed], Err: err}
		e.tell(Event{Step: steps[failed], Verb: Created, Err: err, Took: took})
	}
	return err
}

func (e *Engine) tell(ev Event) {
	if e.Watch != nil {
		e.Watch(ev)
	}
}

// look says what is to be done for one fact. One that the lab has not made
// before needs no look: Do fails when something is in the way, and then Diff
// tells whether it is what was wanted, by whatever hand.
func (e *Engine) look(s Step, fresh bool) Event {
	start := time.Now()
	ev := Event{Step: s, Verb: Created}
	if !fresh {
		ev.Verb = Unchanged
		if ev.Diff, ev.Err = s.Op.Diff(e.Kernel); ev.Err == nil && ev.Diff != "" {
			ev.Verb = Configured
		}
	}
	ev.Took = time.Since(start)
	return ev
}

// make makes one fact true, after a look.
func (e *Engine) make(ev Event) error {
	start, o := time.Now(), ev.Step.Op
	_, again := e.seen[o]
	if ev.Err == nil && ev.Verb != Unchanged {
		ev.Err = e.do(o, ev.Verb == Configured)
	}
	ev.Took += time.Since(start)
	e.seen[o] = ev.Err == nil
	if ev.Err != nil {
		ev.Err = &StepError{Step: ev.Step, Err: ev.Err}
	}
	if !again || ev.Verb != Unchanged { // twice unchanged is told once
		e.tell(ev)
	}
	return ev.Err
}

func (e *Engine) do(o op.Op, again bool) error {
	if again { // what is left of the old one may be in the way
		if err := e.undoOne(o); err != nil {
			return err
		}
	}
	if r, ok := o.(op.Rememberer); ok {
		was, err := r.Before(e.Kernel)
		if err != nil {
			return err
		}
		if err := e.remember([]op.Op{o}, []string{was}); err != nil {
			return err
		}
	}
	err := e.Kernel.Around("do", o, func() error { return o.Do(e.Kernel) })
	if err == nil {
		return nil
	}
	diff, derr := o.Diff(e.Kernel)
	switch {
	case derr == nil && diff == "":
		return nil
	case diff != "" && derr == nil:
		return fmt.Errorf("%w (%s)", err, diff)
	}
	return err
}

func (e *Engine) remember(facts []op.Op, was []string) error {
	if err := e.Journal.remember(facts, was); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
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
		if err := e.undoOne(s.Op); err != nil {
			ev.Err = &StepError{Step: s, Undo: true, Err: err}
		}
	}
	ev.Took = time.Since(start)
	e.doubt()
	delete(e.seen, s.Op)
	e.tell(ev)
	return ev.Err
}

func (e *Engine) undoOne(o op.Op) error {
	return e.Kernel.Around("undo", o, func() error { return o.Undo(e.Kernel) })
}

// doubt has every fact looked at again. The kernel takes more along than it is
// told to: the routes through an address, the other addresses of its network.
func (e *Engine) doubt() {
	for o := range e.seen {
		e.seen[o] = false
	}
}
