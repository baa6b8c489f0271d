package topology

import "strconv"

// steps reads the steps; each changes the state that the one before left.
func (p *parser) steps(a *Args, w *world, t *Topology) {
	v := a.Value("steps")
	if len(v.Items) > maxSteps {
		p.add(v.Items[maxSteps].Pos, "steps", "the lab has %d steps, the limit is %d", len(v.Items), maxSteps)
		return
	}
	if v.Kind == List && len(v.Items) == 0 {
		p.add(v.Pos, "steps", "the list is empty: leave `steps` out, or write a step")
	}
	number := 0
	p.listed("steps", v, "steps: [{name: rooms, namespaces: {red: {}}}]", func(path string, v Value) {
		if number++; w.size > maxStates {
			p.onceAt(keyPos(a.v, "steps"), "steps", "the lab is too large: its objects times its steps are more than %d", maxStates)
			t.Steps = nil // or all of them are looked at once more, for other mistakes
			return
		}
		t.Steps = append(t.Steps, p.step(path, v, number, w))
	})
}

func (p *parser) step(path string, v Value, number int, w *world) Step {
	a := p.object(path, v, "step")
	if v.Kind == Absent || v.Kind == Map && len(v.Keys) == 0 {
		p.add(v.Pos, path, "the step is empty: it needs at least a verify")
	}
	s := Step{Name: p.stepName(a, number), Title: p.texts(a, "title"), Explain: p.texts(a, "explain")}
	w.remove(a)
	w.apply(p.patch(a))
	s.State, s.Verify = w.checked(s.Name.Text), p.checks(a)
	return s
}

func (p *parser) stepName(a *Args, number int) Word {
	w := a.Word("name")
	if w.Pos.Line == 0 {
		return Word{Text: "step-" + strconv.Itoa(number), Pos: a.v.Pos}
	}
	if problem := nameProblem(w.Text); problem != "" {
		p.add(w.Pos, at(a.path, "name"), "%s", problem)
	}
	return w
}

// unique complains about steps that could not be told apart.
func (p *parser) unique(t *Topology) {
	given := map[string]bool{"outside": true, "ground": true}
	seen := map[string]Pos{}
	for _, s := range t.Steps {
		if first, twice := seen[s.Name.Text]; twice && given[s.Name.Text] {
			p.add(s.Name.Pos, "", "the name %q belongs to what stands before the steps: call this step otherwise", s.Name.Text)
		} else if twice {
			p.add(s.Name.Pos, "", "the step %q is already there (%s): every step needs a name of its own", cut(s.Name.Text), near(first, s.Name.Pos))
		} else {
			seen[s.Name.Text] = s.Name.Pos
		}
	}
}

// near says where something else stands: the line alone within one file.
func near(there, here Pos) string {
	if there.File == here.File {
		return "line " + strconv.Itoa(there.Line)
	}
	return there.File + ":" + strconv.Itoa(there.Line)
}
