package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"nslab/lab/probe"
)

// Text writes a test run for a person: every check of every step, what was
// expected and what was found where they differ, and the sum.
func Text(w io.Writer, files []File, style Style) error {
	var p page
	for _, f := range files {
		p.file(f, style)
	}
	p.line(summary(total(files), style))
	return p.to(w)
}

// Words of a verdict; colour only repeats them.
const (
	wordOK    = "ok   "
	wordFail  = "FAIL "
	wordError = "ERROR"
	wordSkip  = "skip "
)

func (p *page) file(f File, style Style) {
	p.line(paint(style.Heading, plain(f.Path)))
	items := f.items(style.Lang)
	if len(items) == 0 {
		p.line("  nothing to check")
	}
	width, step := nameColumn(items), ""
	for _, i := range items {
		if i.step != step {
			step = i.step
			p.line("  ", plain(step))
		}
		p.item(i, width, style)
	}
}

// maxName keeps one long title from pushing all times off the screen.
const maxName = 56

func nameColumn(items []item) int {
	w := 0
	for _, i := range items {
		if n := text.StringWidth(plain(i.name)); n <= maxName {
			w = max(w, n)
		}
	}
	return w
}

func (p *page) item(i item, width int, style Style) {
	name := plain(i.name)
	name += blanks(width - text.StringWidth(name))
	time := fmt.Sprintf("  %9s", duration(i.time()))
	switch i.status {
	case probe.Passed:
		p.line("    ", paint(style.Good, wordOK), " ", name, time)
	case probe.Skipped:
		p.line("    ", paint(style.Faint, wordSkip), " ", name, "  ", plain(i.message))
	case probe.Failed:
		p.line("    ", paint(style.Bad, wordFail), " ", name, time, "  ", i.place())
		p.why(i, style)
	case probe.Broken:
		p.line("    ", paint(style.Bad, wordError), " ", name, time, "  ", i.place())
		p.why(i, style)
	}
}

// place is where the check stands; what stopped a lab says itself where.
func (i item) place() string {
	if !i.check {
		return ""
	}
	return plain(i.at.String())
}

const indent = "          "

// why says what was expected, what was found, the author's hint, and how to
// ask by hand.
func (p *page) why(i item, style Style) {
	for _, l := range lines(i.message) {
		p.line(indent, l)
	}
	for n, l := range lines(i.hint) {
		p.line(indent, []string{"hint: ", "      "}[min(n, 1)], l)
	}
	if i.command != "" {
		p.line(indent, paint(style.Faint, "ask:  "+plain(i.command)))
	}
}

// summary is "2 passed, 1 failed, 1 skipped in 1.2 s".
func summary(t tally, style Style) string {
	words := []string{fmt.Sprintf("%d passed", t.Passed)}
	if t.Failed > 0 {
		words = append(words, paint(style.Bad, fmt.Sprintf("%d failed", t.Failed)))
	}
	if t.Errors > 0 {
		words = append(words, paint(style.Bad, number(t.Errors, "error")))
	}
	if t.Skipped > 0 {
		words = append(words, fmt.Sprintf("%d skipped", t.Skipped))
	}
	if t.Passed > 0 && t.Failed+t.Errors == 0 {
		words[0] = paint(style.Good, words[0])
	}
	return fmt.Sprintf("%s in %.1f s", strings.Join(words, ", "), t.Seconds)
}
