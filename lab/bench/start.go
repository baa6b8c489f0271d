package main

import (
	"context"
	"fmt"
	"strings"

	"nslab/lab/bench/shape"
)

// start is the name of what has no network worth the name.
const start = "start"

// starting is how often a start is measured in a round: it is short.
const starting = 20

// starts are commands of which the start is nearly everything, each beside
// what it is compared with.
var starts = []struct {
	what, than string // phases
	text       string
	most       float64
}{
	{"version", "bare", "`nslab --version` to a bare Go program", 2},
	{"exec", "ip", "`nslab exec red -- true` on the machine to `ip netns exec red true`", 2},
	{"room", "ip", "`nslab exec red -- true` in a sandbox to `ip netns exec red true`", 4},
}

// mostSandbox and mostLecture are in milliseconds.
const (
	mostSandbox = 10
	mostLecture = 150
)

// startSteps build a lab on the machine and one in a sandbox, and start
// commands in them.
func startSteps(k kit) (steps []step) {
	nslab := func(phase string, args ...string) step {
		return step{Phase: phase, Argv: append([]string{k.nslab}, args...)}
	}
	file := func(name, host string) string {
		return k.write(name+".yaml", []string{"name: " + name, "host: " + host, "namespaces: {red: {}}"})
	}
	outside, inside := file("outside", "machine"), file("inside", "sandbox")
	once := []step{nslab("machine", "apply", outside), nslab("sandbox", "apply", inside)}
	steps = append(steps, once...)
	for range starting {
		steps = append(steps,
			step{Phase: "bare", Argv: []string{k.floor, "nothing"}}, nslab("version", "--version"),
			step{Phase: "ip", Argv: []string{"ip", "netns", "exec", "red", "true"}},
			nslab("exec", "exec", "-l", "outside", "red", "--", "true"), nslab("room", "exec", "-l", "inside", "red", "--", "true"))
	}
	for range starting / 4 {
		steps = append(steps, nslab("", "destroy", outside), nslab("", "destroy", inside))
		steps = append(steps, once...)
	}
	return append(steps, nslab("", "destroy", outside), nslab("", "destroy", inside),
		nslab("lecture", "apply", "red-blue"), nslab("lecture", "destroy", "red-blue"))
}

// measureStarts returns the measures of all rounds by phase.
func measureStarts(ctx context.Context, o options, dir string, b *bar) (map[string][]measure, error) {
	return o.inRounds(ctx, start, startSteps(kit{options: o, dir: dir, Shape: shape.Shape{Name: "start"}}), b)
}

// inRounds returns what steps have cost in all rounds, by phase.
func (o options) inRounds(ctx context.Context, name string, steps []step, b *bar) (map[string][]measure, error) {
	out := map[string][]measure{}
	for r := range o.rounds {
		b.next(name, "", r+1)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := o.lay(); err != nil {
			return nil, err
		}
		quiet(o.patience)
		ms, err := inBox(ctx, steps)
		if err != nil {
			return nil, err
		}
		for _, m := range ms {
			out[m.Phase] = append(out[m.Phase], m)
		}
	}
	return out, nil
}

// startGoals are the numbers of the starts.
func startGoals(ms map[string][]measure, rounds int) (out []goal) {
	times := func(phase string) []float64 { return walls(ms[phase]) }
	for _, s := range starts {
		out = append(out, goal{s.text, s.most, "", []float64{ratios(times(s.what), times(s.than))}})
	}
	extra := 1000 * (median(times("sandbox")) - median(times("machine")))
	work := 0.0
	for _, m := range ms["lecture"] {
		work += 1000 * m.CPU.Seconds() / float64(rounds)
	}
	return append(
		out,
		goal{"a sandbox: apply of one namespace in it, less the same on the machine", mostSandbox, " ms", []float64{extra}},
		goal{"the whole lecture, every step verified, and its end: processor time", mostLecture, " ms", []float64{work}},
	)
}

func walls(ms []measure) (v []float64) {
	for _, m := range ms {
		v = append(v, wall(m))
	}
	return v
}

// listText is a table of numbers under a title.
func listText(title string, gs []goal) string {
	if len(gs) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n| | | wanted |\n|---|---|---|\n", title)
	for _, g := range gs {
		v := median(g.got)
		fmt.Fprintf(&b, "| %s | **%s** | %s |\n", g.what, g.value(v), g.verdict(v))
	}
	return b.String()
}

// ratios is the median of the ratios of two series, pair by pair.
func ratios(a, b []float64) float64 {
	var rs []float64
	for i := range min(len(a), len(b)) {
		if a[i] > 0 && b[i] > 0 {
			rs = append(rs, a[i]/b[i])
		}
	}
	return median(rs)
}
