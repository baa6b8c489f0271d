package main

import (
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/topology"
)

// shipped are the languages of the built-in lessons.
var shipped = []string{english, "ko"}

const english = "en"

// language of the lessons: --lang, then the locale, then English.
func language(c *cli.Context) string {
	if l := c.String("lang"); l != "" {
		return l
	}
	for _, v := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if l := os.Getenv(v); l != "" {
			l, _, _ = strings.Cut(l, ".")
			l, _, _ = strings.Cut(l, "_")
			return l
		}
	}
	return english
}

// checkLanguage refuses a language that was asked for by name and that nobody
// has written. A locale is no such question: it falls back to English.
func checkLanguage(c *cli.Context, p *lab.Plan) error {
	l := c.String("lang")
	if l == "" || slices.Contains(shipped, l) {
		return nil
	}
	have := slices.Clone(shipped)
	for _, t := range texts(p) {
		for k := range t {
			have = append(have, k)
		}
	}
	slices.Sort(have)
	if have = slices.Compact(have); slices.Contains(have, l) {
		return nil
	}
	return usage("--lang %s: %s speaks %s", topology.Quote(l), p.Name(), join(have))
}

// texts are all that a lab tells.
func texts(p *lab.Plan) []topology.Text {
	out := []topology.Text{p.Topology.Title, p.Topology.Explain}
	for _, s := range p.Stages {
		out = append(out, s.Title, s.Explain)
		for _, v := range s.Verify {
			out = append(out, v.Title, v.Hint)
		}
	}
	return out
}
