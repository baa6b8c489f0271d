package main

import (
	"fmt"

	"nslab/lab"
	"nslab/topology"
)

// allMistakes adds, to those that the parser has found, the mistakes that only
// the link kinds and the probes can see; but not on a line which the parser
// could not read, of which they have not seen everything.
func allMistakes(t *topology.Topology, err error) error {
	if t == nil {
		return err
	}
	all, known := []error{err}, map[string]bool{}
	for _, m := range mistakes(err) {
		known[line(m)] = true
	}
	_, more := lab.Compile(t, false)
	for _, m := range mistakes(more) {
		if !known[line(m)] {
			all = append(all, m)
		}
	}
	return topology.Sorted(all)
}

func line(e *topology.Error) string { return fmt.Sprintf("%s:%d", e.Pos.File, e.Pos.Line) }

// mistakes are the single mistakes of joined errors.
func mistakes(err error) []*topology.Error {
	switch e := err.(type) { //nolint:errorlint // a tree of errors is taken apart
	case *topology.Error:
		return []*topology.Error{e}
	case interface{ Unwrap() []error }:
		var out []*topology.Error
		for _, part := range e.Unwrap() {
			out = append(out, mistakes(part)...)
		}
		return out
	}
	return nil
}
