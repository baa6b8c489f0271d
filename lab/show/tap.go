package show

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"nslab/lab/probe"
)

// TAP writes a test run in the Test Anything Protocol, version 13: prove(1) of
// today's distributions rejects 14, whose readers accept this as well.
func TAP(w io.Writer, files []File) error {
	var p page
	p.line("TAP version 13")
	if err := bail(files); err != nil {
		p.line("Bail out!  ", strings.Join(lines(err.Error()), "; "))
		return p.to(w)
	}
	var items []item
	for _, f := range files {
		items = append(items, f.items(english)...)
	}
	if len(items) == 0 {
		p.line("1..0 # SKIP nothing to check")
		return p.to(w)
	}
	p.line(fmt.Sprintf("1..%d", len(items)))
	for n, i := range items {
		p.tap(n+1, i)
	}
	return p.to(w)
}

// bail returns the first error of a run in which nothing was asked at all.
func bail(files []File) error {
	var first error
	for _, f := range files {
		for _, i := range f.items(english) {
			if i.check {
				return nil
			}
		}
		if first == nil {
			first = f.Err
		}
	}
	return first
}

func (p *page) tap(n int, i item) {
	words := i.lab
	if i.step != "" {
		words += " " + i.step
	}
	line := fmt.Sprintf("ok %d - %s", n, description(words+": "+i.name))
	switch {
	case i.status == probe.Skipped:
		p.line(line, " # SKIP ", plain(i.message))
	case i.good():
		p.line(line)
	default:
		p.line("not ", line)
		p.diagnosis(i)
	}
}

// description escapes what would begin a directive.
func description(s string) string {
	return strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(plain(s))
}

// diagnosis is the YAML block of a failure. What Go writes in double quotes
// YAML reads as well.
func (p *page) diagnosis(i item) {
	p.line("  ---")
	for _, kv := range [][2]string{
		{"message", i.message},
		{"severity", string(i.status)},
		{"at", i.at.String()},
		{"expected", i.expected},
		{"found", i.found},
		{"hint", i.hint},
		{"command", i.command},
	} {
		if kv[1] != "" {
			p.line("  ", kv[0], ": ", strings.ReplaceAll(strconv.Quote(kv[1]), "##[", `#\x23[`))
		}
	}
	p.line("  ...")
}
