package main

import (
	"encoding/json"
	"io"
	"sync"

	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/lab/probe"
	"nslab/topology"
)

// How an apply or a test tells what it is doing.
const (
	progressAuto  = "auto"  // on a terminal the line of a step is drawn again
	progressPlain = "plain" // a line when a step is done, as into a file
	progressJSON  = "json"  // an event a line, on stderr
)

func progressFlag() cli.Flag {
	return oneOf(&cli.StringFlag{
		Name: "progress", Usage: "`HOW` to tell what is being done: auto, plain, json (an event a line, on stderr)",
	}, []string{progressAuto, progressPlain, progressJSON})
}

// event is one line of --progress json. What does not go with its kind is left out.
type event struct {
	Event   string         `json:"event"` // step, fact, check, done; of a test step and tested
	File    string         `json:"file,omitempty"`
	Lab     string         `json:"lab,omitempty"`
	Step    string         `json:"step,omitempty"`
	Number  int            `json:"number,omitempty"` // of the step, from 1
	Of      int            `json:"of,omitempty"`     // how many steps there are
	Verb    string         `json:"verb,omitempty"`
	Fact    string         `json:"fact,omitempty"`
	Error   string         `json:"error,omitempty"`
	Check   *checkJSON     `json:"check,omitempty"`
	Facts   map[string]int `json:"facts,omitempty"` // by their verbs
	Seconds float64        `json:"seconds,omitempty"`
}

// events tells a program what happens while it happens.
type events struct {
	mu   sync.Mutex
	out  *json.Encoder
	plan *lab.Plan
	at   event // the step that is being built
}

func newEvents(w io.Writer, p *lab.Plan) *events {
	return &events{out: json.NewEncoder(topology.PrintableJSON(w)), plan: p}
}

// tell writes a line. Who reads it may have left.
func (e *events) tell(v event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = e.out.Encode(v)
}

func (e *events) Stage(s *lab.Stage, _ lab.Change) {
	e.at = stepEvent(e.plan, e.plan.Index(s.Name.Text))
	e.tell(e.at)
}

// stepEvent says that a step begins.
func stepEvent(p *lab.Plan, i int) event {
	return event{Event: "step", Lab: p.Name(), Step: p.Stages[i].Name.Text, Number: i + 1, Of: len(p.Stages)}
}

func (e *events) Fact(f lab.Event) {
	v := event{Event: "fact", Lab: e.at.Lab, Step: e.at.Step, Verb: f.Verb, Fact: f.Step.Op.String(), Seconds: f.Took.Seconds()}
	if f.Err != nil {
		v.Error = f.Err.Error()
	}
	e.tell(v)
}

func (e *events) Check(r probe.Result) {
	e.tell(event{Event: "check", Lab: e.at.Lab, Step: e.at.Step, Check: &checksJSON([]probe.Result{r})[0]})
}

func (e *events) Done(r lab.StageReport) {
	e.tell(event{Event: "done", Lab: e.at.Lab, Step: r.Stage.Name.Text, Facts: r.Verbs, Seconds: (r.Built + r.Asked).Seconds()})
}

// several observers are told the same.
type several []lab.Observer

func (all several) Stage(s *lab.Stage, c lab.Change) {
	for _, o := range all {
		o.Stage(s, c)
	}
}

func (all several) Fact(e lab.Event) {
	for _, o := range all {
		o.Fact(e)
	}
}

func (all several) Check(r probe.Result) {
	for _, o := range all {
		o.Check(r)
	}
}

func (all several) Done(r lab.StageReport) {
	for _, o := range all {
		o.Done(r)
	}
}
