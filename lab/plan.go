// Package lab turns a topology into a plan of facts and brings the kernel to
// it: one loop builds, the same loop backward destroys, and the same facts are
// checked, printed and told.
package lab

import (
	"slices"

	"nslab/lab/op"
	"nslab/lab/probe"
	"nslab/topology"
)

// Step is a fact and the line of the file that asked for it.
type Step struct {
	Op  op.Op
	Pos topology.Pos
}

// Stage is what a step of the file means: every fact that is true once it is
// done, in the order in which they are made, and what is asked then.
type Stage struct {
	topology.Step
	Facts  []Step
	Checks []probe.Assertion
}

// Plan is what a topology means. It is pure data.
type Plan struct {
	Topology *topology.Topology
	Machine  bool // built on this machine's own stack: the world outside is the real one
	Stages   []Stage
}

// Name is the name of the lab.
func (p *Plan) Name() string { return p.Topology.Name.Text }

// Index returns the position of the stage called name, or -1.
func (p *Plan) Index(name string) int {
	for i := range p.Stages {
		if p.Stages[i].Name.Text == name {
			return i
		}
	}
	return -1
}

// Names lists the stages in order.
func (p *Plan) Names() []string {
	var out []string
	for i := range p.Stages {
		out = append(out, p.Stages[i].Name.Text)
	}
	return out
}

// Facts returns what is true at stage i; nothing is before the first.
func (p *Plan) Facts(i int) []Step {
	if i < 0 {
		return nil
	}
	return p.Stages[i].Facts
}

// Change is what leads from one list of facts to another.
type Change struct {
	Gone []Step // to be undone, in that order
	Add  []Step // to be made, in that order
}

// Change returns what stage i does.
func (p *Plan) Change(i int) Change { return Difference(p.Facts(i-1), p.Facts(i)) }

// Roots are the facts of Gone that need a hand: the others go with them.
func (c Change) Roots() []Step {
	root := map[op.Op]bool{}
	for _, o := range op.Roots(ops(c.Gone)) {
		root[o] = true
	}
	return filter(c.Gone, func(s Step) bool { return root[s.Op] })
}

// ByHand are the facts of Gone that must be undone by hand: the roots, every
// name of a namespace, and every link into a namespace that stays. The kernel
// frees a namespace, and the cables into it, some time after its name has gone,
// and a new cable of that name would find the end of the old one in its way.
func (c Change) ByHand() []Step {
	root := set(c.Roots())
	going := map[op.Object]bool{}
	for _, s := range c.Gone {
		for _, made := range op.Makes(s.Op) {
			going[made] = true
		}
	}
	return filter(c.Gone, func(s Step) bool {
		return root[s.Op] || slices.ContainsFunc(op.Makes(s.Op), op.Object.IsNamespace) ||
			len(op.Makes(s.Op)) > 0 && slices.ContainsFunc(s.Op.On(), func(o op.Object) bool { return o.IsNamespace() && !going[o] })
	})
}

func ops(steps []Step) []op.Op {
	out := make([]op.Op, len(steps))
	for i, s := range steps {
		out[i] = s.Op
	}
	return out
}

// Difference returns what leads from have to want: facts that are no longer
// wanted backward, then the new ones forward. A fact that is wanted before and
// after, but stands on an object that is made anew in between, is in both: the
// address of veth-red goes with the old cable and comes back on the new one.
func Difference(have, want []Step) Change {
	if len(want) == 0 {
		gone := slices.Clone(have)
		slices.Reverse(gone)
		return Change{Gone: gone}
	}
	had, wanted := set(have), set(want)
	lost := map[op.Object]bool{}
	gone := map[op.Op]bool{}
	moved := outOfOrder(have, want, had, wanted)
	for _, s := range have {
		if !wanted[s.Op] || moved[s.Op] || slices.ContainsFunc(s.Op.On(), func(o op.Object) bool { return lost[o] }) {
			gone[s.Op] = true
			for _, o := range op.Makes(s.Op) {
				lost[o] = true
			}
		}
	}
	c := Change{Gone: filter(have, func(s Step) bool { return gone[s.Op] })}
	slices.Reverse(c.Gone)
	c.Add = filter(want, func(s Step) bool { return !had[s.Op] || gone[s.Op] })
	return c
}

// outOfOrder returns the facts of both lists that stand in a sequence, such as
// the rules of a chain, and would be in the wrong place there: what is new is
// made at the end, so that everything that belongs behind it is made again.
func outOfOrder(have, want []Step, had, wanted map[op.Op]bool) map[op.Op]bool {
	if len(have) == 0 {
		return nil // there is no fact of both
	}
	now := map[op.Object][]op.Op{}
	for _, s := range have {
		if q := op.Sequence(s.Op); q != "" && wanted[s.Op] {
			now[q] = append(now[q], s.Op)
		}
	}
	moved, broken := map[op.Op]bool{}, map[op.Object]bool{}
	for _, s := range want {
		q := op.Sequence(s.Op)
		switch rest := now[q]; {
		case q == "":
		case !broken[q] && len(rest) > 0 && rest[0] == s.Op:
			now[q] = rest[1:]
		default:
			broken[q] = true
			if had[s.Op] {
				moved[s.Op] = true
			}
		}
	}
	return moved
}

func set(steps []Step) map[op.Op]bool {
	m := make(map[op.Op]bool, len(steps))
	for _, s := range steps {
		m[s.Op] = true
	}
	return m
}

func filter(steps []Step, keep func(Step) bool) []Step {
	var out []Step
	for i, s := range steps {
		if !keep(s) {
			continue
		}
		if out == nil {
			out = make([]Step, 0, len(steps)-i)
		}
		out = append(out, s)
	}
	return out
}
