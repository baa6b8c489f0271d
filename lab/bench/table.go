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

var titles = map[string]string{
	apply:   "Apply: from nothing to a network that works",
	verify:  "Verify: every ping answered",
	destroy: "Destroy, until it returns",
	kernel:  "Destroy, until the kernel has cleaned up too",
}

// text is the tables, in Markdown.
func (res *results) text(o options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on Linux %s with %d CPUs, %s, %s", release(), runtime.NumCPU(), runtime.Version(), o.many())
	if res.busy > 0 {
		fmt.Fprintf(&b, "; %d of %d measurements had to begin while the machine was busy with something else", res.busy, res.all)
	}
	fmt.Fprint(&b, ".\nEvery number is the median of the ratios to the floor within a round; below 1 is faster than the floor.\n")
	for _, phase := range []string{apply, verify, destroy, kernel} {
		res.table(&b, titles[phase], func(who string, c testcase) string { return res.wallCell(c, who, phase) })
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

// wallCell is a cell of time, with the verdict on nslab and what was left behind.
func (res *results) wallCell(c testcase, who, phase string) string {
	text := res.cell(c, who, phase, wall, duration)
	if who == "nslab" && text != "" {
		text = fmt.Sprintf("**%s** (want %s)", text, goal{most: c.most()}.verdict(res.ratio(c, who, phase, wall)))
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

// What is compared of a measure.
func wall(m measure) float64      { return m.Wall.Seconds() }
func megabytes(m measure) float64 { return float64(m.RSS) / 1e6 }

func duration(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Second {
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// memory is a cell of megabytes.
func (res *results) memory(who string, c testcase) string {
	v := res.values(c, who, apply, megabytes)
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
	if res.scale("nslab") == 0 {
		return
	}
	fmt.Fprintf(b, "\n### Cost of a namespace among 1000 to that among 100\n\nWanted of nslab: at most %.1f.\n\n", limitScale)
	for _, who := range res.who() {
		if r := res.scale(who); r > 0 {
			fmt.Fprintf(b, "- %s: %.2f\n", who, r)
		}
	}
}

// scale is that comparison for a contestant; 0 when one of the two is missing.
func (res *results) scale(who string) float64 {
	per := map[int]float64{}
	for _, c := range res.cases {
		if c.kind == "star" {
			per[c.size] = median(res.values(c, who, apply, wall)) / float64(c.size)
		}
	}
	if per[100] == 0 {
		return 0
	}
	return per[1000] / per[100]
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
