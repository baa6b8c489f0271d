package lab

import (
	"fmt"
	"time"
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
