package show

import (
	"errors"
	"strings"
	"time"

	"nslab/lab"
	"nslab/lab/probe"
	"nslab/topology"
)

// File is what became of one file of a test run.
type File struct {
	Path    string
	Lab     string      // the name of the lab; empty when the file could not be read
	Report  *lab.Report // nil when nothing was built
	Err     error       // why it could not be built, run or taken down
	Took    time.Duration
	Began   time.Time // the zero value is "not said"
	Skipped string    // why it was not run at all

	Warnings []*topology.Error // what the file says that is surely not meant
}

// name is the lab, or the file where the lab has no name.
func (f File) name() string {
	if f.Lab != "" {
		return f.Lab
	}
	return f.Path
}

// item is one line of a report: a check, or that a file could not be tested.
type item struct {
	lab, step string
	name      string
	status    probe.Status
	at        topology.Pos
	message   string // why it did not pass
	hint      string
	expected  string
	found     string
	command   string // what asks the same
	tries     int
	took, rtt time.Duration
	check     bool  // not the lab as a whole
	err       error // what stopped the lab
}

// items are the checks of the file in order, and last what stopped it.
func (f File) items(lang string) []item {
	var out []item
	if f.Report != nil {
		for _, s := range f.Report.Stages {
			out = append(out, f.checks(s, lang)...)
		}
	}
	if f.Skipped != "" {
		out = append(out, item{lab: f.name(), name: "the lab runs", status: probe.Skipped, message: f.Skipped})
	}
	if f.Err != nil {
		out = append(out, f.stopped())
	}
	return out
}

func (f File) checks(s lab.StageReport, lang string) []item {
	same := map[topology.Pos]int{}
	for _, r := range s.Results {
		same[r.Assertion.Check.Pos]++
	}
	var out []item
	for _, r := range s.Results {
		a := r.Assertion
		i := item{
			lab: f.name(), name: title(a, lang, same[a.Check.Pos] > 1), check: true, status: r.Status, at: a.Check.Pos,
			message: r.Message, expected: r.Expected, tries: r.Tries, took: r.Took, rtt: r.Answer.RTT,
		}
		if s.Stage != nil {
			i.step = s.Stage.Name.Text
		}
		if r.Status != probe.Skipped {
			i.found, i.command = r.Answer.String(), ask(a)
		}
		if !i.good() {
			i.hint = strings.TrimSpace(a.Check.Hint.In(lang))
		}
		out = append(out, i)
	}
	return out
}

func (f File) stopped() item {
	i := item{lab: f.name(), name: "the lab runs", status: probe.Broken, message: f.Err.Error(), err: f.Err}
	if c := complaints(f.Err); len(c) > 0 {
		i.at = c[0].at
	}
	if b := (*lab.BuildError)(nil); errors.As(f.Err, &b) {
		i.step, i.name = b.Stage, "the step is built"
	}
	return i
}

func (i item) good() bool { return i.status == probe.Passed || i.status == probe.Skipped }

// time is what is of interest of an answer: how fast the reply was, or how
// long it took to know better.
func (i item) time() time.Duration {
	if i.status == probe.Passed && i.rtt > 0 {
		return i.rtt
	}
	return i.took
}

// title is the author's own, else the question as a sentence. One check that
// is many questions needs both.
func title(a probe.Assertion, lang string, many bool) string {
	own := strings.TrimSpace(a.Check.Title.In(lang))
	switch {
	case own == "":
		return sentence(a)
	case many:
		return own + ": " + sentence(a)
	}
	return own
}

func sentence(a probe.Assertion) string {
	if a.Probe == nil {
		return ""
	}
	return a.Title()
}

func ask(a probe.Assertion) string {
	if a.Probe == nil {
		return ""
	}
	return typed(a.Probe.Command())
}

// tally counts verdicts.
type tally struct {
	Passed  int     `json:"passed"`
	Failed  int     `json:"failed"`
	Errors  int     `json:"errors"`
	Skipped int     `json:"skipped"`
	Seconds float64 `json:"seconds"`
}

func (t *tally) count(items []item) {
	for _, i := range items {
		switch i.status {
		case probe.Passed:
			t.Passed++
		case probe.Failed:
			t.Failed++
		case probe.Skipped:
			t.Skipped++
		case probe.Broken:
			t.Errors++
		}
	}
}

func (t tally) total() int { return t.Passed + t.Failed + t.Errors + t.Skipped }

func total(files []File) tally {
	t := tally{Seconds: elapsed(files).Seconds()}
	for _, f := range files {
		t.count(f.items(english))
	}
	return t
}

// elapsed is the time from the first beginning to the last end; the sum where
// beginnings are not known.
func elapsed(files []File) time.Duration {
	var sum time.Duration
	var first, last time.Time
	for _, f := range files {
		sum += f.Took
		if f.Began.IsZero() {
			continue
		}
		if first.IsZero() || f.Began.Before(first) {
			first = f.Began
		}
		if end := f.Began.Add(f.Took); end.After(last) {
			last = end
		}
	}
	if first.IsZero() {
		return sum
	}
	return last.Sub(first)
}

// complaint is what an error says of one place of a file.
type complaint struct {
	at   topology.Pos
	text string
}

// complaints takes the mistakes of a file apart; any other error is one.
func complaints(err error) []complaint {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) && allMistakes(many.Unwrap()) {
		var out []complaint
		for _, e := range many.Unwrap() {
			out = append(out, complaints(e)...)
		}
		return out
	}
	c := complaint{text: err.Error()}
	var mistake *topology.Error
	var refused *lab.StepError
	switch {
	case errors.As(err, &refused):
		c.at = refused.Step.Pos
	case errors.As(err, &mistake):
		c.at = mistake.Pos
	}
	return []complaint{c}
}

func allMistakes(errs []error) bool {
	for _, e := range errs {
		if m := (*topology.Error)(nil); !errors.As(e, &m) {
			return false
		}
	}
	return len(errs) > 0
}
