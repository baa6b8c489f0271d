package show

import (
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"nslab/lab"
	"nslab/topology"
)

// Story writes the title and the explanation of a stage for a screen of that
// many columns.
func Story(w io.Writer, s *lab.Stage, lang string, width int) error {
	return Prose(w, s.Title, s.Explain, lang, width)
}

// Prose writes a title, underlined, and a text below it, filled to width. The
// wide characters of East Asia take two columns (Unicode Annex 11). What is
// indented in the text stays as it is: commands, tables, drawings.
func Prose(w io.Writer, title, explain topology.Text, lang string, width int) error {
	var p page
	if t := plain(strings.TrimSpace(title.In(lang))); t != "" {
		t = fill(t, width)
		p.line(t)
		p.line(strings.Repeat("=", text.LongestLineLen(t)))
	}
	if body := strings.Trim(explain.In(lang), "\n"); strings.TrimSpace(body) != "" {
		if p.Len() > 0 {
			p.line()
		}
		p.prose(body, width)
	}
	return p.to(w)
}

// prose fills every paragraph. A paragraph ends at an empty line, at an
// indented line and before an item of a list.
func (p *page) prose(body string, width int) {
	var words []string
	flush := func() {
		if len(words) > 0 {
			p.line(fill(strings.Join(words, " "), width))
		}
		words = nil
	}
	for l := range strings.SplitSeq(body, "\n") {
		l = strings.ReplaceAll(strings.TrimRight(l, " \t\r"), "\t", "    ")
		if l == "" || isFixed(l) {
			flush()
			p.line(plain(l))
			continue
		}
		words = append(words, plain(l))
	}
	flush()
}

func isFixed(line string) bool {
	return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "* ")
}

// minWidth is the narrowest screen that text is filled for.
const minWidth = 20

// fill breaks a paragraph at blanks. The library fills its lines up with
// blanks, which would show when text is selected.
func fill(paragraph string, width int) string {
	wrapped := strings.Split(text.WrapSoft(paragraph, max(width, minWidth)), "\n")
	for i, l := range wrapped {
		wrapped[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(wrapped, "\n")
}
