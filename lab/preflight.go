package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"nslab/lab/op"
	"nslab/topology"
)

// Collision is one reason why a lab cannot be built on this machine.
type Collision struct {
	Pos   topology.Pos
	Msg   string
	Cures []string // commands, or sentences, that would help
}

func (c *Collision) Error() string {
	text := c.Msg
	if c.Pos.Line != 0 {
		text = c.Pos.String() + ": " + text
	}
	for _, cure := range c.Cures {
		text += "\n  cure: " + cure
	}
	return text
}

// Preflight looks, before anything is touched, for what on this machine the
// lab would collide with, and for what would keep it from working. have are
// the facts that the lab has made already.
func Preflight(p *Plan, have []Step) error {
	m, err := readMachine()
	if err != nil {
		return fmt.Errorf("look at this machine: %w", err)
	}
	w := wants(p, have)
	if m.inTheWay(w) {
		lost, err := Orphans(StateDir)
		if err != nil {
			return fmt.Errorf("look for what lost labs have left: %w", err)
		}
		m.markLost(lost)
	}
	var errs []error
	for _, c := range m.preflight(w) {
		errs = append(errs, c)
	}
	return errors.Join(errs...)
}

// inSandbox is the cure that always helps.
const inSandbox = "or host: sandbox, which cannot touch this machine"

// inTheWay says whether anything here has a name that the lab wants to give.
func (m *machine) inTheWay(w wanted) bool {
	return slices.ContainsFunc(w.new, func(s Step) bool { return m.room(w, s) != nil || m.device(w, s) != nil })
}

// preflight looks at every fact of every step that the lab has not made yet,
// and at the whole of them.
func (m *machine) preflight(w wanted) []*Collision {
	checks := []func(wanted, Step) *Collision{m.room, m.files, m.device, m.touched, m.network, m.route, m.setting, m.port, m.resolver, m.rules, m.translated}
	var out []*Collision
	for _, s := range w.new {
		for _, check := range checks {
			if c := check(w, s); c != nil {
				if !slices.ContainsFunc(out, func(have *Collision) bool { return have.Error() == c.Error() }) {
					out = append(out, c)
				}
				break // one reason is enough for one fact
			}
		}
	}
	for _, check := range []func(wanted) *Collision{m.firewall, m.bridged} {
		if c := check(w); c != nil {
			out = append(out, c)
		}
	}
	return out
}

// wanted is what the lab is about.
type wanted struct {
	facts    []Step          // of every step
	new      []Step          // those not made yet
	made     map[string]bool // interfaces of the host that are the lab's
	standing map[string]bool // those of them that are there already
	has      map[op.Op]bool  // facts that the lab has made
}

// wants is what a plan is about, when the facts of have are made already.
func wants(p *Plan, have []Step) wanted {
	facts := everyFact(p)
	return wanted{facts: facts, new: without(facts, have), made: hostDevices(append(facts, have...)), standing: hostDevices(have), has: set(have)}
}

// everyFact are the facts of all steps, each once: what a later step removes is
// in the way of others too.
func everyFact(p *Plan) []Step {
	var out []Step
	seen := map[op.Op]bool{}
	for i := range p.Stages {
		for _, s := range p.Stages[i].Facts {
			if !seen[s.Op] {
				seen[s.Op] = true
				out = append(out, s)
			}
		}
	}
	return out
}

func without(facts, have []Step) []Step {
	had := set(have)
	return filter(facts, func(s Step) bool { return !had[s.Op] })
}

// hostDevices are the interfaces of the host that facts make.
func hostDevices(facts []Step) map[string]bool {
	out := map[string]bool{}
	for _, s := range facts {
		for _, made := range op.Makes(s.Op) {
			if dev, ok := hostDevice(made); ok {
				out[dev] = true
			}
		}
	}
	return out
}

func hostDevice(o op.Object) (name string, ok bool) {
	return strings.CutPrefix(string(o), string(op.Dev(topology.Host, "")))
}
