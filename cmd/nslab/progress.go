package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/lab/probe"
	"nslab/topology"
)

// The rules of the screen: a line per step and a line per check on stdout, as
// they happen; on a terminal the step that is being built is shown at once and
// its line redrawn when it is done. Every verdict is a word, colour only adds
// to it. Columns are measured in screen cells, so that Korean lines up.

// progress shows an apply while it happens.
type progress struct {
	out     io.Writer
	lang    string
	plan    *lab.Plan
	redraw  bool // out is a terminal
	verbose bool
	quiet   bool
	color   bool
	n       int // of the stage that is being built
	ctx     context.Context
}

func newProgress(s streams, c *cli.Context, p *lab.Plan) lab.Observer {
	how, result := c.String("progress"), c.String("output") == "json"
	if how == progressJSON && result {
		return newEvents(s.err, p)
	}
	pr := &progress{out: s.out, lang: language(c), plan: p, verbose: c.Bool("verbose"), quiet: c.Bool("quiet"), ctx: c.Context}
	if result {
		pr.out = s.err
	}
	pr.color, pr.redraw = colored(c, pr.out), screen(pr.out) && how == progressAuto
	if how == progressJSON {
		return several{pr, newEvents(s.err, p)}
	}
	return pr
}

// head is what a line says of a stage, its title filling that many columns.
func (p *progress) head(s *lab.Stage, columns int) string {
	head := fmt.Sprintf("%2d/%d %s", p.n, len(p.plan.Stages), text.Pad(s.Name.Text, nameWidth, ' '))
	if columns < minTitle {
		return head
	}
	return head + " " + text.Pad(text.Snip(stageTitle(s, p.lang), columns, "…"), columns, ' ')
}

// line is what became of a stage on a screen of that many columns: one line,
// or two where it is narrow. What was done stands in a column of its own unless
// a long title needs the room.
func (p *progress) line(s *lab.Stage, tail string, columns int) string {
	room := columns - text.StringWidth(p.head(s, 0)) - len(" ")
	most := min(maxTitle, room-len("  ")-text.StringWidth(tail))
	if most < minTitle {
		return strings.TrimRight(p.head(s, min(maxTitle, room)), " ") + "\n      " + tail
	}
	title := max(text.StringWidth(stageTitle(s, p.lang)), room-tailWidth)
	return p.head(s, max(minTitle, min(title, most))) + "  " + tail
}

// The columns of a line: a name, a title, and what was done in which time.
const (
	nameWidth = 16
	minTitle  = 12
	maxTitle  = 48
	tailWidth = len("  12 created, 3 deleted  123.4ms")
)

func stageTitle(s *lab.Stage, lang string) string {
	if t := s.Title.In(lang); t != "" {
		return topology.Printable(t)
	}
	return s.Name.Text
}

func (p *progress) Stage(s *lab.Stage, _ lab.Change) {
	p.n = p.plan.Index(s.Name.Text) + 1
	if p.redraw && !p.quiet {
		fmt.Fprint(p.out, text.Trim(p.head(s, maxTitle), width(p.out)-len(" ...")-1)+" ...")
	}
}

func (p *progress) Fact(e lab.Event) {
	if !p.verbose {
		return
	}
	p.clear()
	what := e.Step.Op.String()
	if cmd := e.Step.Op.Command(); e.Verb != lab.Deleted && len(cmd) > 0 {
		what = cmd.String()
	} else if cmd := e.Step.Op.Inverse(); e.Verb == lab.Deleted && len(cmd) > 0 {
		what = cmd.String()
	}
	if e.Diff != "" {
		what += "  # " + e.Diff
	}
	fmt.Fprintf(p.out, "      %-10s %s\n", e.Verb, printable(what))
}

// clear wipes the line of the step that is being built.
func (p *progress) clear() {
	if p.redraw {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func (p *progress) Check(probe.Result) {}

func (p *progress) Done(r lab.StageReport) {
	if p.quiet {
		return
	}
	p.clear()
	fmt.Fprintln(p.out, p.line(r.Stage, verbs(r.Verbs)+"  "+round(r.Built), width(p.out)))
	printResults(p.out, asked(p.ctx, r.Results), p.lang, p.color)
}

// printResults shows verdicts. One check that was many questions, such as a
// ping among many rooms, is one line when all of them came out right.
func printResults(w io.Writer, rs []probe.Result, lang string, color bool) {
	for len(rs) > 0 {
		n := 1
		for n < len(rs) && rs[n].Assertion.Check.Pos == rs[0].Assertion.Check.Pos {
			n++
		}
		if same := rs[:n]; n > 1 && !lab.Failed(same) && rs[0].Status == probe.Passed {
			printVerdict(w, probe.Passed, fmt.Sprintf("%s (%d of %d)", together(rs[0], lang), n, n), color)
		} else {
			for _, r := range same {
				printResult(w, r, lang, color)
			}
		}
		rs = rs[n:]
	}
}

// together is the title of a check that is many questions.
func together(r probe.Result, lang string) string {
	if t := r.Assertion.Check.Title.In(lang); t != "" {
		return t
	}
	return r.Assertion.Check.Kind.Text + " among them all"
}

func printVerdict(w io.Writer, st probe.Status, what string, color bool) {
	word := text.Pad(verdicts[st], 5, ' ')
	if color {
		word = verdictColors[st].Sprint(word)
	}
	fmt.Fprintf(w, "      %s %s\n", word, topology.Printable(what))
}

// printResult shows one verdict, and of a bad one everything that helps.
func printResult(w io.Writer, r probe.Result, lang string, color bool) {
	printVerdict(w, r.Status, title(r, lang), color)
	if r.Status == probe.Passed {
		return
	}
	fmt.Fprintf(w, "            %s: %s\n", r.Assertion.Check.Pos, printable(r.Message))
	if h := r.Assertion.Check.Hint.In(lang); h != "" && r.Status != probe.Skipped {
		fmt.Fprintf(w, "            %s\n", printable(h))
	}
}

// title is the author's own words for a check, else the question.
func title(r probe.Result, lang string) string {
	if t := r.Assertion.Check.Title.In(lang); t != "" {
		return t
	}
	return r.Assertion.Title()
}

var verdicts = map[probe.Status]string{probe.Passed: "ok", probe.Failed: "FAIL", probe.Broken: "ERROR", probe.Skipped: "skip"}

var verdictColors = map[probe.Status]text.Color{
	probe.Passed: text.FgGreen, probe.Failed: text.FgRed, probe.Broken: text.FgRed, probe.Skipped: text.FgYellow,
}

// verbs says what was done to how many facts, in a fixed order.
func verbs(n map[string]int) string {
	out := ""
	for _, v := range []string{lab.Created, lab.Configured, lab.Deleted, lab.Unchanged} {
		if n[v] == 0 {
			continue
		}
		if out != "" {
			out += ", "
		}
		out += fmt.Sprintf("%d %s", n[v], v)
	}
	return out
}

// round shows a duration with the digits that mean something.
func round(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
