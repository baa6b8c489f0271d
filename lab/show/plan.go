package show

import (
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"nslab/lab"
	"nslab/lab/op"
	"nslab/topology"
)

// Exists is what `mark` says of a fact that is true already.
const Exists = "exists"

// Plan writes the stages from `from` up to `to`, each fact as the command a
// person would type. mark, which may be nil, says what is there already:
// Exists, "drifted: ..." or nothing.
//
//   - to be made    - to be removed    ~ drifted    = there already
func Plan(w io.Writer, p *lab.Plan, from, to int, mark func(lab.Step) string, style Style) error {
	if err := within(p, from, to); err != nil {
		return err
	}
	var out page
	for i := from; i <= to; i++ {
		if i > from {
			out.line()
		}
		out.line(paint(style.Heading, heading(&p.Stages[i], style.Lang)))
		rows := slices.DeleteFunc(changes(p.Change(i), mark), change.silent)
		width := column(rows)
		for _, r := range rows {
			out.row(r, width, style)
		}
	}
	return out.to(w)
}

// change is one line of a plan.
type change struct {
	sign    string
	step    lab.Step
	command op.Command
	mark    string
}

func changes(c lab.Change, mark func(lab.Step) string) []change {
	var out []change
	for _, s := range c.ByHand() {
		out = append(out, change{sign: "-", step: s, command: s.Op.Inverse()})
	}
	for _, s := range c.Add {
		r := change{sign: "+", step: s, command: s.Op.Command()}
		if mark != nil {
			r.mark = mark(s)
		}
		if r.mark != "" {
			r.sign = "~"
		}
		if r.mark == Exists {
			r.sign = "="
		}
		out = append(out, r)
	}
	return out
}

// silent says that nobody has to type anything, now or at all.
func (r change) silent() bool { return len(r.command) == 0 && r.sign != "~" }

// maxColumn keeps one long command from pushing all facts off the screen.
const maxColumn = 68

// column is the width that puts the facts below each other.
func column(rows []change) int {
	w := 0
	for _, r := range rows {
		if n := text.StringWidth(shown(r.command)); n <= maxColumn {
			w = max(w, n)
		}
	}
	return w
}

func (p *page) row(r change, width int, style Style) {
	color := map[string]func(string) string{"+": style.Good, "-": style.Bad, "~": style.Changed, "=": style.Faint}[r.sign]
	mark := ""
	if r.mark != "" {
		mark = " (" + plain(r.mark) + ")"
	}
	fact := "# " + plain(r.step.Op.String()) + mark
	switch {
	case len(r.command) == 0:
		p.line(paint(color, r.sign+" "+fact))
	case r.command.IsRemark(): // which says more than the fact
		p.line(paint(color, r.sign+" # "+strings.Join(lines(r.command[1]), " ")+mark))
	default:
		c := shown(r.command)
		p.line(paint(color, r.sign+" "+c), blanks(width-text.StringWidth(c)), "   ", paint(style.Faint, fact))
	}
}

func blanks(n int) string { return strings.Repeat(" ", max(n, 0)) }

type planDocument struct {
	Lab     string      `json:"lab"`
	Machine bool        `json:"machine"`
	Steps   []planStage `json:"steps"`
	Warned  []Warning   `json:"warnings,omitempty"`
}

// Warning is one of topology.Topology.Warnings in JSON.
type Warning struct {
	At      *place `json:"at"`
	Message string `json:"message"`
}

// Warnings are those of a file, for programs.
func Warnings(list []*topology.Error) []Warning {
	var out []Warning
	for _, w := range list {
		out = append(out, Warning{at(w.Pos), w.Msg})
	}
	return out
}

type planStage struct {
	Name    string        `json:"name"`
	Title   topology.Text `json:"title,omitempty"`
	Changes []planChange  `json:"changes"`
	Checks  []planCheck   `json:"checks"`
}

type planChange struct {
	Action string   `json:"action"` // add, remove
	Fact   string   `json:"fact"`
	At     *place   `json:"at,omitempty"`
	Argv   []string `json:"argv,omitempty"` // absent when there is nothing to type
	Shell  string   `json:"shell,omitempty"`
	Remark string   `json:"remark,omitempty"`
	State  string   `json:"state,omitempty"` // what mark said
}

type planCheck struct {
	Title  string   `json:"title"`
	At     *place   `json:"at,omitempty"`
	Argv   []string `json:"argv,omitempty"`
	Expect string   `json:"expect"`
}

// place is a topology.Pos in JSON.
type place struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"col,omitempty"`
}

func at(p topology.Pos) *place {
	if p == (topology.Pos{}) {
		return nil
	}
	return &place{p.File, p.Line, p.Col}
}

// PlanJSON writes what Plan writes, every fact of it, and what is asked, for
// programs.
func PlanJSON(w io.Writer, p *lab.Plan, from, to int, mark func(lab.Step) string) error {
	if err := within(p, from, to); err != nil {
		return err
	}
	doc := planDocument{Lab: p.Name(), Machine: p.Machine, Warned: Warnings(p.Topology.Warnings)}
	for i := from; i <= to; i++ {
		s := &p.Stages[i]
		st := planStage{Name: s.Name.Text, Title: s.Title, Changes: []planChange{}, Checks: []planCheck{}}
		for _, r := range changes(p.Change(i), mark) {
			st.Changes = append(st.Changes, r.json())
		}
		for _, a := range s.Checks {
			st.Checks = append(st.Checks, planCheck{sentence(a), at(a.Check.Pos), a.Probe.Command(), expectation(a)})
		}
		doc.Steps = append(doc.Steps, st)
	}
	return Document(w, doc)
}

func (r change) json() planChange {
	c := planChange{Action: "add", Fact: r.step.Op.String(), At: at(r.step.Pos), State: r.mark}
	if r.sign == "-" {
		c.Action = "remove"
	}
	switch {
	case len(r.command) == 0:
	case r.command.IsRemark():
		c.Remark = r.command[1]
	case isWrite(r.command), len(r.command.Parts()) > 1:
		c.Shell = typed(r.command)
	default:
		c.Argv, c.Shell = r.command, r.command.String()
	}
	return c
}
