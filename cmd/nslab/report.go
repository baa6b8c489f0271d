package main

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"nslab/lab"
	"nslab/lab/probe"
	"nslab/lab/show"
)

// wireReport is a lab.Report on its way out of a sandbox. Stages and checks are
// not sent: the reader has the same plan.
type wireReport struct {
	Stages []wireStage `json:"stages"`
	Error  *wireError  `json:"error,omitempty"`
}

type wireStage struct {
	Name    string         `json:"name"`
	Verbs   map[string]int `json:"verbs"`
	Results []wireResult   `json:"results"`
	Built   time.Duration  `json:"built"`
	Asked   time.Duration  `json:"asked"`
}

type wireResult struct {
	Status   probe.Status  `json:"status"`
	Answer   probe.Answer  `json:"answer"`
	Tries    int           `json:"tries"`
	Took     time.Duration `json:"took"`
	Expected string        `json:"expected"`
	Message  string        `json:"message"`
}

type wireError struct {
	Code  int    `json:"code"`
	Stage string `json:"stage"`
	Text  string `json:"text"`
}

func writeReport(w io.Writer, r *lab.Report, err error) error {
	var out wireReport
	if err != nil {
		out.Error = &wireError{Code: exitCode(err), Text: err.Error()}
	}
	for _, s := range r.Stages {
		ws := wireStage{Name: s.Stage.Name.Text, Verbs: s.Verbs, Built: s.Built, Asked: s.Asked}
		for _, res := range s.Results {
			ws.Results = append(ws.Results, wireResult{res.Status, res.Answer, res.Tries, res.Took, res.Expected, res.Message})
		}
		out.Stages = append(out.Stages, ws)
	}
	return json.NewEncoder(w).Encode(out)
}

// readReport puts stages and checks of the plan back in.
func readReport(f io.ReadSeeker, p *lab.Plan) (*lab.Report, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	var in *wireReport
	if err := json.NewDecoder(f).Decode(&in); err != nil || in == nil {
		return nil, err
	}
	r := &lab.Report{}
	for _, ws := range in.Stages {
		s := &p.Stages[p.Index(ws.Name)]
		sr := lab.StageReport{Stage: s, Verbs: ws.Verbs, Built: ws.Built, Asked: ws.Asked}
		for i, w := range ws.Results {
			sr.Results = append(sr.Results, probe.Result{
				Assertion: s.Checks[i], Status: w.Status, Answer: w.Answer, Tries: w.Tries, Took: w.Took,
				Expected: w.Expected, Message: w.Message,
			})
		}
		r.Stages = append(r.Stages, sr)
	}
	if in.Error != nil {
		return r, &codeError{in.Error.Code, errors.New(in.Error.Text)}
	}
	return r, nil
}

// checkJSON is a verdict for programs.
type checkJSON struct {
	Title    string       `json:"title"`
	Status   probe.Status `json:"status"`
	At       string       `json:"at"`
	Expected string       `json:"expected"`
	Found    string       `json:"found,omitempty"`
	Message  string       `json:"message,omitempty"`
	Command  string       `json:"command,omitempty"`
	Seconds  float64      `json:"seconds"`
}

func checksJSON(rs []probe.Result) []checkJSON {
	out := []checkJSON{}
	for _, r := range rs {
		j := checkJSON{title(r, "en"), r.Status, r.Assertion.Check.Pos.String(), r.Expected, "", r.Message, r.Assertion.Probe.Command().String(), r.Took.Seconds()}
		if r.Status != probe.Skipped {
			j.Found = r.Answer.String()
		}
		out = append(out, j)
	}
	return out
}

// printApply is the one JSON document of `apply -o json`.
func printApply(s streams, p *lab.Plan, l *lab.Lab, r *lab.Report, err error) error {
	type stage struct {
		Name    string         `json:"name"`
		Facts   map[string]int `json:"facts"`
		Checks  []checkJSON    `json:"checks"`
		Seconds float64        `json:"seconds"`
	}
	out := struct {
		Lab    string         `json:"lab"`
		Step   string         `json:"step"`
		Stages []stage        `json:"stages"`
		Failed bool           `json:"failed"`
		Error  string         `json:"error,omitempty"`
		Warned []show.Warning `json:"warnings,omitempty"`
	}{Lab: p.Name(), Step: l.Journal.At, Failed: r.Failed() || err != nil, Warned: show.Warnings(p.Topology.Warnings)}
	if err != nil {
		out.Error = err.Error()
	}
	for _, sr := range r.Stages {
		out.Stages = append(out.Stages, stage{sr.Stage.Name.Text, sr.Verbs, checksJSON(sr.Results), (sr.Built + sr.Asked).Seconds()})
	}
	return printJSON(s.out, out)
}
