// Package show renders plans, lessons and reports. It writes to the io.Writer
// it is given and looks at nothing else: no terminal, no clock, no kernel.
//
// Whatever a lab file says may end up on a terminal, in a script or in the log
// of a CI system that obeys what it reads. Every string of a file therefore
// goes through the escaping of the format it is written in, here and nowhere
// else.
package show

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"nslab/topology"
)

// Style is how a page looks. The zero value is plain text in English; a
// function that is nil leaves its text as it is.
type Style struct {
	Lang                               string // of titles and hints: "en", "ko"
	Heading, Good, Bad, Changed, Faint func(string) string
}

func paint(f func(string) string, s string) string {
	if f == nil || s == "" {
		return s
	}
	return f(s)
}

// page collects lines, so that a writer is asked once.
type page struct{ strings.Builder }

// line writes its parts as one line, without blanks at its end.
func (p *page) line(parts ...string) {
	p.WriteString(strings.TrimRight(strings.Join(parts, ""), " ") + "\n")
}

// to writes the page. Where it ends up in the log of a GitHub workflow, no
// line of it is a command: the runner obeys a line that begins with "::",
// after any blanks, and "##[" anywhere in a line.
func (p *page) to(w io.Writer) error {
	var tame strings.Builder
	for l := range strings.Lines(p.String()) {
		if rest := strings.TrimLeft(l, " "); strings.HasPrefix(rest, "::") {
			l = l[:len(l)-len(rest)] + `\` + rest
		}
		tame.WriteString(strings.ReplaceAll(l, "##[", `#\#[`))
	}
	_, err := io.WriteString(w, tame.String())
	return err
}

// raw writes the page as it is.
func (p *page) raw(w io.Writer) error {
	_, err := io.WriteString(w, p.String())
	return err
}

// plain makes a string safe for a line of a terminal or of a script: what is
// not printable is escaped as in Go, also line breaks, and the marks that turn
// the direction of writing around.
func plain(s string) string { return topology.Printable(s) }

// lines splits a text into safe lines, without empty ones.
func lines(s string) []string {
	var out []string
	for l := range strings.SplitSeq(s, "\n") {
		if l = strings.TrimRight(l, " \t\r"); l != "" {
			out = append(out, plain(l))
		}
	}
	return out
}

// duration is short and keeps two or three digits.
func duration(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case d <= 0:
		return ""
	case ms < 10:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// Document writes v as one indented JSON document. The few characters that
// encoding/json escapes for the sake of HTML stay readable; no terminal obeys any.
func Document(w io.Writer, v any) error {
	e := json.NewEncoder(topology.PrintableJSON(w))
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// number is "1 fact", "2 facts".
func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
