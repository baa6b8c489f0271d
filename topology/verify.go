package topology

// checks reads `verify`. What a probe asks is the probe's to read; here it is
// only made sure that there is one.
func (p *parser) checks(a *Args) []Check {
	v := a.Value("verify")
	path := at(a.path, "verify")
	if v.Kind == List && len(v.Items) == 0 {
		p.add(v.Pos, path, "the list is empty: leave `verify` out, or write a check like {ping: {from: red, to: blue}}")
	}
	var out []Check
	p.listed(path, v, "verify: [{ping: {from: red, to: blue}}]", func(path string, v Value) {
		if c, ok := p.check(path, v); ok {
			out = append(out, c)
		}
	})
	return out
}

func (p *parser) check(path string, v Value) (Check, bool) {
	before := p.count
	a := p.object(path, v, "check")
	kind := p.kindOfItem(a, checkKinds, "ping: {from: red, to: blue}")
	c := Check{
		Pos: v.Pos, Kind: kind, Expect: a.Value("expect"), Title: p.texts(a, "title"), Hint: p.texts(a, "hint"), Within: a.Word("within"),
	}
	if kind.Text != "" {
		c.Args = a.Value(kind.Text)
		if c.Args.Kind != Map {
			p.add(c.Args.Pos, at(path, kind.Text), "want a mapping (key: value), found %s", c.Args.what())
		}
	}
	if c.Expect.Kind == Absent && c.Expect.given() {
		p.add(c.Expect.Pos, at(path, "expect"), "the expectation is missing: write one or leave the key out")
	}
	if c.Within.Text != "" {
		a.Duration("within", 0)
	}
	return c, p.count == before
}
