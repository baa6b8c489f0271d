// Package probe asks how a network behaves: is there a reply, a refusal, or
// silence, and who said so. It needs no ping, curl or dig: every question is
// put by this process, through a socket that was opened inside the namespace
// that asks. A kind of question is one file and one line in the table of kinds.
//
// Silence is never taken for a proof by itself. A packet that still waits for
// an answer to ARP has not left, so a negative expectation waits until the
// kernel has either sent it or given up.
package probe

import (
	"context"
	"strings"
	"time"

	"nslab/lab/op"
	"nslab/topology"
)

// Outcome is an answer in one word.
type Outcome string

// Outcomes of questions that send packets, and of those that look at tables.
const (
	Reply       Outcome = "reply"
	Unreachable Outcome = "unreachable" // the kernel or a router said so
	NoReply     Outcome = "no-reply"    // silence
	Refused     Outcome = "refused"     // nobody listens there
	Present     Outcome = "present"
	Absent      Outcome = "absent"
	Ran         Outcome = "ran"   // a command, whatever its status
	Error       Outcome = "error" // the question could not be put
)

// Answer is what came of a question.
type Answer struct {
	Outcome Outcome
	Text    string            // one line, with the words of the kernel or of the router
	RTT     time.Duration     // from question to reply
	Data    map[string]string // what expectations of a mapping compare: status, body, via ...

	permanent bool // asking again cannot help
}

// Probe is one question.
type Probe interface {
	// Ask puts the question once and waits as long as for an expected reply.
	Ask(ctx context.Context, k *op.Kernel) Answer
	// Command is what a person would type.
	Command() op.Command
	// String is the question as the sentence that is hoped to be true.
	String() string
	// Nodes are the nodes it names.
	Nodes() []string

	ask(ctx context.Context, r *rig, p patience) Answer
}

// Assertion is a question and the answer it must get.
type Assertion struct {
	Check  *topology.Check // shared by the pairs of one check
	Probe  Probe
	Expect Expect
	within time.Duration
}

// Status is the verdict on an assertion.
type Status string

// Verdicts. Failed means that the answer is not the expected one, Broken that
// there is no answer: the question could not be put.
const (
	Passed  Status = "pass"
	Failed  Status = "fail"
	Broken  Status = "error"
	Skipped Status = "skip"
)

// Result is an assertion with its verdict.
type Result struct {
	Assertion Assertion
	Status    Status
	Answer    Answer
	Tries     int
	Took      time.Duration
	Expected  string // the expectation in words
	Message   string // why it did not pass; empty when it did
}

// Skip is the result of an assertion that is not asked, and why.
func Skip(a Assertion, reason string) Result {
	return Result{Assertion: a, Status: Skipped, Expected: a.Expect.String(), Message: reason}
}

// Explain is Message with the author's hint in a language.
func (r Result) Explain(lang string) string {
	hint := strings.TrimSpace(r.Assertion.Check.Hint.In(lang))
	if r.Message == "" || hint == "" || r.Status == Skipped {
		return r.Message
	}
	return r.Message + "\n" + hint
}

// broken is the answer when a question cannot be put.
func broken(err error) Answer {
	return Answer{Outcome: Error, Text: err.Error(), permanent: true}
}

// alone asks p by itself.
func alone(ctx context.Context, k *op.Kernel, p Probe) Answer {
	r := newRig(k)
	defer r.close()
	return p.ask(ctx, r, Expect{Word: string(Reply)}.patience(0))
}
