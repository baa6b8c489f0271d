package topology

import (
	"slices"
	"strings"
)

const (
	exampleEnd  = "red:eth0 192.168.15.1/24"
	exampleLink = `links: [{endpoints: ["red:eth0 192.168.15.1/24", "blue:eth0 192.168.15.2/24"]}]`
	defaultKind = "veth"
)

// link reads a cable. What it does not know is left to the kind.
func (p *parser) link(path string, v Value) (Link, bool) {
	a := p.object(path, v, "link")
	p.paths[v.Pos] = path
	l := Link{Kind: a.Word("kind"), Pos: v.Pos, Options: Value{Kind: Map, Pos: v.Pos}}
	if l.Kind.Text == "" {
		l.Kind = Word{Text: defaultKind, Pos: v.Pos}
	}
	l.Ends = p.ends(a)
	if a.has("parent") {
		if e, ok := p.parent(at(path, "parent"), a.Value("parent")); ok {
			l.Parent = &e
		}
	}
	for i, k := range v.Keys {
		if !slices.Contains(keys["link"], k.Text) {
			l.Options.Keys = append(l.Options.Keys, k)
			l.Options.Items = append(l.Options.Items, v.Items[i])
		}
	}
	return l, p.enough(a, &l)
}

// enough makes sure that a link has its ends. How many a kind needs is the
// kind's to say, but a cable is what a beginner writes.
func (p *parser) enough(a *Args, l *Link) bool {
	written := len(a.Value("endpoints").Items)
	if a.has("endpoint") {
		written++
	}
	if l.Kind.Text != defaultKind || written == 2 || written == 0 {
		return len(l.Ends) > 0
	}
	a.Complain(l.Pos, "a cable has two ends, found %d: write endpoints: [%q, \"blue:eth0 192.168.15.2/24\"]", written, exampleEnd)
	for _, e := range l.Ends {
		p.unsure[e.Node.Text] = true
	}
	return false
}

// ends reads `endpoints` (a cable has two) or `endpoint`.
func (p *parser) ends(a *Args) []End {
	var out []End
	read := func(path string, v Value) {
		if e, ok := p.end(path, v); ok {
			out = append(out, e)
		}
	}
	list := a.Value("endpoints")
	p.listed(at(a.path, "endpoints"), list, `endpoints: ["`+exampleEnd+`", "blue:eth0 192.168.15.2/24"]`, read)
	single := a.Value("endpoint")
	switch {
	case single.given() && list.given():
		a.Complain(keyPos(a.v, "endpoint"), "`endpoint` and `endpoints` cannot stand together")
	case single.given():
		read(at(a.path, "endpoint"), single)
	case !list.given() && a.v.Kind != Scalar && a.v.Kind != List:
		a.Complain(a.v.Pos, "the ends are missing: write for example endpoints: [%q, \"blue:eth0 192.168.15.2/24\"]", exampleEnd)
	}
	return out
}

// end reads one end of a link, in the short or the long form.
func (p *parser) end(path string, v Value) (End, bool) {
	before := p.count
	var e End
	switch v.Kind {
	case Scalar:
		e = p.shortEnd(path, Word{Text: v.Text, Pos: v.Pos})
	case Map:
		e = p.longEnd(path, v)
	case List, Absent:
		p.add(v.Pos, path, "want \"%s\", found %s", exampleEnd, v.what())
		return e, false
	}
	p.paths[e.Pos] = path
	if e.Node.Text == "" || e.Interface.Text == "" {
		if p.count == before {
			p.add(v.Pos, path, "want NODE:INTERFACE and addresses, for example %q, found %s", exampleEnd, v.what())
		}
		return e, false
	}
	if problem := devProblem(e.Interface.Text); problem != "" {
		p.add(e.Interface.Pos, path, "%s", problem)
	} else if e.Interface.Text == "lo" {
		p.add(e.Interface.Pos, path, "lo is in every namespace already: an end of a link needs another name")
	}
	if p.count > before {
		p.unsure[e.Node.Text] = true
	}
	return e, true
}

// parent reads the interface that a link sits on, or the namespace alone: some
// kinds leave it to the routing table there.
func (p *parser) parent(path string, v Value) (End, bool) {
	if v.Kind != Scalar || v.Text == "" || strings.ContainsAny(v.Text, ": \t\n") {
		return p.end(path, v)
	}
	p.paths[v.Pos] = path
	w := Word{Text: v.Text, Pos: v.Pos}
	return End{Node: w, Pos: v.Pos}, true
}

// shortEnd reads "node:interface address...".
func (p *parser) shortEnd(path string, w Word) End {
	words := p.split(w)
	e := End{Pos: w.Pos}
	if len(words) == 0 {
		return e
	}
	node, dev, ok := strings.Cut(words[0].Text, ":")
	if !ok || strings.Contains(dev, ":") {
		p.add(w.Pos, path, "%q is not NODE:INTERFACE, for example red:eth0", cut(words[0].Text))
		return e
	}
	e.Node, e.Interface = Word{Text: node, Pos: w.Pos}, Word{Text: dev, Pos: w.Pos}
	words, e.Auto = p.auto(path, words[1:])
	for _, a := range words {
		if addr, ok := p.address(path, a, false); ok {
			e.Addresses = append(e.Addresses, addr)
		}
	}
	return e
}

// longEnd reads {node, interface, addresses, mac, mtu, hairpin}.
func (p *parser) longEnd(path string, v Value) End {
	a := p.object(path, v, "end")
	e := End{Node: a.Required("node", "red"), Interface: a.Required("interface", "eth0"), Pos: v.Pos, MAC: p.endMAC(a), MTU: p.mtu(a)}
	if e.Hairpin, e.bends = a.Bool("hairpin", false), a.has("hairpin"); e.bends {
		p.paths[a.Value("hairpin").Pos] = at(path, "hairpin")
	}
	path = at(path, "addresses")
	words, auto := p.auto(path, a.Words("addresses"))
	e.Addresses, e.Auto = p.addresses(path, words, false), auto
	return e
}
