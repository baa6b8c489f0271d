package lab

import (
	"errors"

	"nslab/lab/op"
)

// Down makes every fact of the journal false. It goes on after failures and
// returns them all; what could not be undone stays in the journal.
func (e *Engine) Down() error { return e.session(e.down) }

func (e *Engine) down() error {
	c := Difference(e.Journal.Have, nil)
	root := set(c.ByHand())
	var left []Step
	var errs []error
	_ = op.Sweep(e.Kernel, ops(c.Gone)) // a shortcut: what it leaves is undone below
	for _, s := range c.Gone {
		if err := e.unmake(s, root[s.Op]); err != nil {
			errs = append(errs, err)
			left = append([]Step{s}, left...)
		}
	}
	return errors.Join(errors.Join(errs...), e.Journal.end("", left))
}

// Drift is a fact that is not true now.
type Drift struct {
	Step Step
	Diff string
}

// Check returns every fact of the journal that is not true now.
func (e *Engine) Check() (out []Drift, err error) {
	err = e.session(func() error {
		out, err = e.check()
		return err
	})
	return out, err
}

func (e *Engine) check() ([]Drift, error) {
	var out []Drift
	var errs []error
	for _, s := range e.Journal.Have {
		diff, err := s.Op.Diff(e.Kernel)
		if err != nil {
			errs = append(errs, &StepError{Step: s, Err: err})
		} else if diff != "" {
			out = append(out, Drift{s, diff})
		}
	}
	return out, errors.Join(errs...)
}
