package show

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"nslab/lab"
	"nslab/lab/op"
	"nslab/lab/probe"
	"nslab/topology"
)

// Script writes the stages up to `to` as a script of sh(1), POSIX.1-2017, that
// builds the same without nslab. What a probe asks stands in it as a comment.
func Script(w io.Writer, p *lab.Plan, to int) error {
	if err := within(p, 0, to); err != nil {
		return err
	}
	s := newScript("")
	for i := range p.Stages[:to+1] {
		s.stage(p, i)
	}
	if s.err != nil {
		return s.err
	}
	var out page
	out.head(p, "Builds the lab", s)
	out.line("#")
	out.line("# In a namespace of its own it leaves the machine alone:")
	out.line("#")
	out.line("#     unshare --net --mount")
	out.line("#     mount -t tmpfs tmpfs /run")
	out.line("set -eu")
	out.WriteString(s.String())
	return out.raw(w)
}

// Teardown writes the inverse: what takes the stage `to` down. Like destroy it
// goes on after failures; its exit status tells of them.
func Teardown(w io.Writer, p *lab.Plan, to int) error {
	if err := within(p, 0, to); err != nil {
		return err
	}
	s := newScript(" || status=1")
	s.line()
	for _, step := range lab.Difference(p.Facts(to), nil).ByHand() {
		s.command(step, step.Op.Inverse())
	}
	if s.err != nil {
		return s.err
	}
	var out page
	out.head(p, "Takes down the lab", s)
	out.line("set -u")
	out.line("status=0")
	out.WriteString(s.String())
	out.line()
	out.line(`exit "$status"`)
	return out.raw(w)
}

func within(p *lab.Plan, from, to int) error {
	if from < 0 || to < from || to >= len(p.Stages) {
		return fmt.Errorf("steps %d to %d: the lab has %s", from, to, number(len(p.Stages), "step"))
	}
	return nil
}

// head says what the script does and what it needs.
func (p *page) head(plan *lab.Plan, does string, s *script) {
	p.line("#!/bin/sh")
	if title := strings.TrimSpace(plan.Topology.Title.In(english)); title != "" {
		p.line("# ", plain(title))
		p.line("#")
	}
	p.line("# ", does, " ", plain(plan.Name()), " without nslab. Run it as root, in the network")
	p.line("# namespace that is the lab's host.")
	p.line("#")
	p.line("# It runs ", strings.Join(sortedKeys(s.used), ", "), " and nothing else.")
	for _, file := range sortedKeys(s.files) {
		p.line("# It ", s.files[file], " ", plain(file), ", wherever it runs.")
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// script is the body that is being written.
type script struct {
	page
	used  map[string]bool   // programs
	files map[string]string // and whether it "writes" or "removes" them
	more  string            // what stands behind every command
	err   error             // the first command that cannot be written
}

func newScript(more string) *script {
	return &script{used: map[string]bool{}, files: map[string]string{}, more: more}
}

func (s *script) stage(p *lab.Plan, i int) {
	st := &p.Stages[i]
	s.line()
	s.line("# --- ", heading(st, english))
	c := p.Change(i)
	for _, step := range c.ByHand() {
		s.command(step, step.Op.Inverse())
	}
	for _, step := range c.Add {
		s.command(step, step.Op.Command())
	}
	for _, a := range st.Checks {
		s.line("# ask: ", shown(a.Probe.Command()), "  (expect ", plain(expectation(a)), ")")
	}
}

// expectation is the word of the file, or what a mapping says.
func expectation(a probe.Assertion) string {
	if len(a.Expect.Fields) == 0 {
		return a.Expect.Word
	}
	return a.Expect.String()
}

// command writes a command, a remark as comments, and nothing for what nobody
// has to type.
func (s *script) command(step lab.Step, c op.Command) {
	switch {
	case len(c) == 0:
	case c.IsRemark():
		for _, l := range lines(c[1]) {
			s.line("# ", l)
		}
	default:
		for _, part := range c.Parts() {
			if err := fit(part); err != nil && s.err == nil {
				s.err = &topology.Error{Pos: step.Pos, Msg: fmt.Sprintf("%s: %v", step.Op, err)}
			}
			s.used[program(part)] = true
		}
		switch {
		case isWrite(c):
			s.used["mkdir"], s.files[c[1]] = true, "writes"
		case isRemove(c) && s.files[c[2]] == "":
			s.files[c[2]] = "removes"
		}
		for _, l := range parts(c) {
			s.WriteString(l + s.more + "\n")
		}
	}
}

// english is the language of everything that a program may read.
const english = "en"

// heading is "switch: A switch for more than two rooms".
func heading(s *lab.Stage, lang string) string {
	title := strings.TrimSpace(s.Title.In(lang))
	if title == "" {
		return plain(s.Name.Text)
	}
	return plain(s.Name.Text) + ": " + plain(title)
}
