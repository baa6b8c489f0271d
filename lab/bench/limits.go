package main

import (
	"fmt"
	"slices"
	"strings"
)

// limits of nslab's ratio to the floor, by phase; a process has to start too,
// which counts where there is nearly nothing to do.
const (
	limit      = 1.3
	limitSmall = 1.6 // at N = 2
	limitScale = 1.5 // cost per namespace at N = 1000 to that at N = 100
)

// limitMemory is in megabytes, by network.
var limitMemory = map[string]float64{"star-100": 16, "star-1000": 32}

// A goal is a number of nslab that is to stay within a limit, and what it was
// in each run. Of a machine that others use too, one run says little.
type goal struct {
	what string
	most float64
	unit string    // with its space before
	got  []float64 // 0: it could not be measured
}

// most of three in five runs make a limit one that is kept.
const (
	kept = 3
	of   = 5
)

// within says in how many runs the limit was kept.
func (g goal) within() (n int) {
	for _, v := range g.got {
		if g.holds(v) {
			n++
		}
	}
	return n
}

func (g goal) holds(v float64) bool { return v > 0 && v <= g.most }

// met says whether it was kept often enough.
func (g goal) met() bool { return g.within()*of >= len(g.got)*kept }

func (g goal) value(v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3g%s", v, g.unit)
}

// verdict is what a table says beside a value.
func (g goal) verdict(v float64) string {
	return fmt.Sprintf("≤ %v%s: %s", g.most, g.unit, yes(g.holds(v)))
}

func yes(b bool) string { return map[bool]string{true: "yes", false: "no"}[b] }

// most is the limit of a network for times.
func (c testcase) most() float64 {
	if c.size == 2 {
		return limitSmall
	}
	return limit
}

// goals of all networks and their phases.
func (res *results) goals() (out []goal) {
	for _, c := range res.cases {
		for _, phase := range []string{apply, verify, destroy, kernel} {
			if c.asks(phase) {
				out = append(out, goal{c.Name + ", " + phase, c.most(), "", []float64{res.ratio(c, "nslab", phase, wall)}})
			}
		}
		if most, ok := limitMemory[c.Name]; ok {
			out = append(out, goal{c.Name + ", peak memory", most, " MB", []float64{median(res.values(c, "nslab", apply, megabytes))}})
		}
	}
	if r := res.scale("nslab"); r > 0 {
		out = append(out, goal{"cost of a namespace among 1000 to that among 100", limitScale, "", []float64{r}})
	}
	return out
}

// asks says whether a network has the phase.
func (c testcase) asks(phase string) bool {
	return phase == kernel || slices.ContainsFunc(c.steps["nslab"], func(s step) bool { return s.Phase == phase })
}

// together puts the goals of another run beside those of the runs before.
func together(before, now []goal) []goal {
	if before == nil {
		return now
	}
	for i, g := range now {
		before[i].got = append(before[i].got, g.got...)
	}
	return before
}

// goalText is the table of all limits, run by run.
func goalText(gs []goal) string {
	if len(gs) == 0 {
		return ""
	}
	met, runs := 0, len(gs[0].got)
	var b strings.Builder
	fmt.Fprint(&b, "| | limit |", strings.Repeat(" run |", runs), " within |\n|---|---|", strings.Repeat("---|", runs+1), "\n")
	for _, g := range gs {
		fmt.Fprintf(&b, "| %s | %s |", g.what, g.value(g.most))
		for _, v := range g.got {
			fmt.Fprintf(&b, " %s |", g.value(v))
		}
		if g.met() {
			met++
		}
		fmt.Fprintf(&b, " **%d of %d**: %s |\n", g.within(), runs, yes(g.met()))
	}
	return fmt.Sprintf("\n### Every limit, run by run\n\n%d of %d limits are kept in three of five runs or more.\n\n%s", met, len(gs), b.String())
}
