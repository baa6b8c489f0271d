package show

import (
	"fmt"
	"io"

	"nslab/lab"
)

// Standing is how a lab stands: where, and which of its facts are not true.
type Standing struct {
	lab.Summary
	Drift []lab.Drift
	Err   error // why nobody could look
}

// True says whether the lab is what it should be.
func (s Standing) True() bool { return s.Err == nil && len(s.Drift) == 0 && !s.Half }

// Status writes for each lab the facts that are not true now, and below each
// the command that mends it. In that order the commands can be typed.
func Status(w io.Writer, labs []Standing, style Style) error {
	var p page
	for _, s := range labs {
		p.line(paint(style.Heading, plain(s.Name)), s.at(), ": ", s.verdict(style))
		for _, d := range s.Drift {
			p.drift(d, style)
		}
	}
	return p.to(w)
}

func (s Standing) at() string {
	if s.Step == "" {
		return ""
	}
	return " at " + plain(s.Step)
}

func (s Standing) verdict(style Style) string {
	half := ""
	if s.Half {
		half = paint(style.Changed, "; a change was begun and not finished: apply goes on, destroy removes")
	}
	switch {
	case s.Err != nil:
		return paint(style.Bad, "cannot look: "+plain(s.Err.Error()))
	case len(s.Drift) == 0:
		return paint(style.Good, number(s.Facts, "fact")+", all true") + half
	}
	return paint(style.Bad, fmt.Sprintf("%d of %s not true", len(s.Drift), number(s.Facts, "fact"))) + half
}

func (p *page) drift(d lab.Drift, style Style) {
	p.line("  ", paint(style.Changed, plain(d.Diff)), blanks(2), where(d.Step, style))
	c := d.Step.Op.Command()
	switch {
	case len(c) == 0:
		p.line("      ", "# ", plain(d.Step.Op.String()))
	case c.IsRemark():
		for _, l := range lines(c[1]) {
			p.line("      # ", l)
		}
	default:
		p.line("      ", shown(c))
	}
}

func where(s lab.Step, style Style) string {
	if s.Pos.Line == 0 {
		return ""
	}
	return paint(style.Faint, plain(s.Pos.String()))
}

type standingDocument struct {
	lab.Summary
	True  bool            `json:"true"`
	Error string          `json:"error,omitempty"`
	Drift []driftDocument `json:"drift"`
}

type driftDocument struct {
	Diff string     `json:"diff"`
	Mend planChange `json:"mend"`
}

// StatusJSON writes what Status writes, for programs.
func StatusJSON(w io.Writer, labs []Standing) error {
	out := []standingDocument{}
	for _, s := range labs {
		d := standingDocument{Summary: s.Summary, True: s.True(), Drift: []driftDocument{}}
		if s.Err != nil {
			d.Error = s.Err.Error()
		}
		for _, x := range s.Drift {
			mend := change{sign: "+", step: x.Step, command: x.Step.Op.Command()}
			d.Drift = append(d.Drift, driftDocument{x.Diff, mend.json()})
		}
		out = append(out, d)
	}
	return Document(w, out)
}
