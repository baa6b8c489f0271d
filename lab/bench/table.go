package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// limits of nslab's ratio to the floor, by phase; a process has to start too,
// which counts where there is nearly nothing to do.
const (
	limit      = 1.3
	limitSmall = 1.6 // at N = 2
	limitScale = 1.5 // cost per namespace at N = 1000 to that at N = 100
)

var titles = map[string]string{
	apply:   "Apply: from nothing to a network that works",
	verify:  "Verify: every ping answered",
	destroy: "Destroy, until it returns",
	kernel:  "Destroy, until the kernel has cleaned up too",
}

// text is the tables, in Markdown.
func (res *results) text(o options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on Linux %s with %d CPUs, %s, %d rounds", release(), runtime.NumCPU(), runtime.Version(), o.rounds)
	if res.busy > 0 {
		fmt.Fprintf(&b, "; %d of %d measurements had to begin while the machine was busy with something else", res.busy, res.all)
	}
	fmt.Fprint(&b, ".\nEvery number is the median of the ratios to the floor within a round; below 1 is faster than the floor.\n")
	for _, phase := range []string{apply, verify, destroy, kernel} {
		res.table(&b, titles[phase], func(who string, c testcase) string { return res.wall(c, who, phase) })
	}
	res.table(&b, "Processor time of apply, without what the kernel does on its own account", func(who string, c testcase) string {
		return res.cell(c, who, apply, func(m measure) float64 { return m.CPU.Seconds() }, duration)
	})
	res.table(&b, "Peak memory of apply (wanted of nslab: at most 16 MB at star-100, 32 MB at star-1000)", res.memory)
	res.scaling(&b)
	res.failures(&b)
	return b.String()
}

func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "?"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// table has a line for each network and a column for each contestant.
func (res *results) table(b *strings.Builder, title string, cell func(who string, c testcase) string) {
	fmt.Fprintf(b, "\n### %s\n\n| |", title)
	who := res.who()
	for _, w := range who {
		fmt.Fprintf(b, " %s |", w)
	}
	fmt.Fprintf(b, "\n|---|%s\n", strings.Repeat("---|", len(who)))
	for _, c := range res.cases {
		fmt.Fprintf(b, "| %s |", c.Name)
		for _, w := range who {
			fmt.Fprintf(b, " %s |", cell(w, c))
		}
		fmt.Fprintln(b)
	}
}

// who took part at all.
func (res *results) who() (out []string) {
	for _, w := range contestants {
		if slices.ContainsFunc(res.cases, func(c testcase) bool { return c.steps[w.name] != nil }) {
			out = append(out, w.name)
		}
	}
	return out
}

// wall is a cell of time, with the verdict on nslab and what was left behind.
func (res *results) wall(c testcase, who, phase string) string {
	text := res.cell(c, who, phase, func(m measure) float64 { return m.Wall.Seconds() }, duration)
	if who == "nslab" && text != "" {
		r := res.ratio(c, who, phase, func(m measure) float64 { return m.Wall.Seconds() })
		most := limit
		if c.size == 2 {
			most = limitSmall
		}
		text = fmt.Sprintf("**%s** (want ≤ %.1f: %s)", text, most, map[bool]string{true: "yes", false: "no"}[r <= most])
	}
	if left := res.left(c, who); phase == destroy && left > 0 {
		text += fmt.Sprintf(", %d left", left)
	}
	return text
}

// cell is a ratio; of the floor, also what it is the ratio to.
func (res *results) cell(c testcase, who, phase string, of func(measure) float64, unit func(float64) string) string {
	r := res.ratio(c, who, phase, of)
	switch {
	case r == 0:
		return ""
	case who == contestants[0].name:
		return "1 = " + unit(median(res.values(c, who, phase, of)))
	case r < 10:
		return fmt.Sprintf("%.2f", r)
	}
	return fmt.Sprintf("%.0f", r)
}

// ratio is the median of the ratios to the floor in the same round, 0 when
// there is none.
func (res *results) ratio(c testcase, who, phase string, of func(measure) float64) float64 {
	values := func(who string) (out []float64) {
		for _, r := range res.rounds[[2]string{c.Name, who}] {
			out = append(out, of(r[phase]))
		}
		return out
	}
	return ratios(values(who), values(contestants[0].name))
}

func (res *results) values(c testcase, who, phase string, of func(measure) float64) (out []float64) {
	for _, r := range res.rounds[[2]string{c.Name, who}] {
		if m, ok := r[phase]; ok {
			out = append(out, of(m))
		}
	}
	return out
}

// left is the most that was there after destroy had returned, in any round.
func (res *results) left(c testcase, who string) int {
	most := 0
	for _, r := range res.rounds[[2]string{c.Name, who}] {
		most = max(most, r[destroy].Left)
	}
	return most
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func duration(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Second {
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// memory is a cell of megabytes.
func (res *results) memory(who string, c testcase) string {
	v := res.values(c, who, apply, func(m measure) float64 { return float64(m.RSS) / 1e6 })
	switch {
	case len(v) == 0:
		return ""
	case median(v) == 0:
		return "less than the launcher"
	}
	return fmt.Sprintf("%.1f MB", median(v))
}

// scaling compares the cost of a namespace in a large star and a small one.
func (res *results) scaling(b *strings.Builder) {
	at := map[int]testcase{}
	for _, c := range res.cases {
		if c.kind == "star" {
			at[c.size] = c
		}
	}
	if _, ok := at[1000]; !ok || at[100].steps == nil {
		return
	}
	fmt.Fprintf(b, "\n### Cost of a namespace among 1000 to that among 100\n\nWanted of nslab: at most %.1f.\n\n", limitScale)
	for _, who := range res.who() {
		per := func(n int) float64 {
			return median(res.values(at[n], who, apply, func(m measure) float64 { return m.Wall.Seconds() })) / float64(n)
		}
		if per(1000) > 0 {
			fmt.Fprintf(b, "- %s: %.2f\n", who, per(1000)/per(100))
		}
	}
}

func (res *results) failures(b *strings.Builder) {
	for _, c := range res.cases {
		for _, who := range c.who {
			if errs := res.failed[[2]string{c.Name, who}]; len(errs) > 0 {
				fmt.Fprintf(b, "\n%s failed at %s, %d times:\n\n```text\n%v\n```\n", who, c.Name, len(errs), errs[0])
			}
		}
	}
}

// The page is written by hand but for what stands between these lines.
const (
	begins = "<!-- measured by make bench -->\n"
	ends   = "<!-- end of what make bench has measured -->\n"
)

// paste puts the tables into the page.
func paste(page, text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(old), begins)
	_, foot, also := strings.Cut(rest, ends)
	if !ok || !also {
		return fmt.Errorf("%s: want the lines %q and %q, for what was measured to stand between", page, begins, ends)
	}
	return os.WriteFile(page, []byte(head+begins+"\n"+text+"\n"+ends+foot), 0o644)
}
