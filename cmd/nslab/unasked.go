package main

import (
	"context"

	"nslab/lab"
	"nslab/lab/probe"
)

// notAsked is the verdict on a question that Ctrl-C has cut short.
const notAsked = "not asked: interrupted"

// asked returns the results that tell something: those that were cut short by
// the end of ctx do not.
func asked(ctx context.Context, rs []probe.Result) []probe.Result {
	var out []probe.Result
	for _, r := range rs {
		if !cutShort(ctx, r) {
			out = append(out, r)
		}
	}
	return out
}

// skipUnasked turns the results that were cut short into skipped ones.
func skipUnasked(ctx context.Context, r *lab.Report) {
	for _, s := range r.Stages {
		for i, res := range s.Results {
			if cutShort(ctx, res) {
				s.Results[i] = probe.Skip(res.Assertion, notAsked)
			}
		}
	}
}

func cutShort(ctx context.Context, r probe.Result) bool {
	return ctx.Err() != nil && r.Status == probe.Broken
}
