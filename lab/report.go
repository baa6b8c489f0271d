package lab

import (
	"fmt"
	"slices"
	"time"

	"nslab/lab/probe"
)

// StageReport is what became of one stage.
type StageReport struct {
	Stage   *Stage
	Verbs   map[string]int // how many facts were created, configured, unchanged, deleted
	Results []probe.Result
	Built   time.Duration // making the facts
	Asked   time.Duration // asking the probes
}

// Failed says whether a check of the stage did not come out as expected.
func (r StageReport) Failed() bool { return Failed(r.Results) }

// Failed says whether any of the results is neither a pass nor a skip.
func Failed(rs []probe.Result) bool {
	return slices.ContainsFunc(rs, func(r probe.Result) bool {
		return r.Status == probe.Failed || r.Status == probe.Broken
	})
}

// Report is what became of an Apply.
type Report struct{ Stages []StageReport }

// Failed says whether a check of any stage did not come out as expected.
func (r *Report) Failed() bool {
	for _, s := range r.Stages {
		if s.Failed() {
			return true
		}
	}
	return false
}

// BuildError is a lab that could not be built. Left is nil when everything was
// taken back.
type BuildError struct {
	Stage string // that was refused
	At    string // where the lab stands now; "" when nothing is left of it
	Err   error
	Left  error
}

func (e *BuildError) Error() string {
	stands := "nothing of it is left"
	if e.At != "" {
		stands = "it stands at step " + e.At
	}
	if e.Left == nil {
		return fmt.Sprintf("%v\nwhat this apply had made was taken back: %s", e.Err, stands)
	}
	return fmt.Sprintf("%v\nand taking it back left something behind: %v", e.Err, e.Left)
}

func (e *BuildError) Unwrap() []error { return []error{e.Err, e.Left} }
