package topology

import (
	"fmt"
	"path"
	"strings"
)

// parser reads the files of one lab.
type parser struct {
	complaints
	open   Opener
	ranks  map[string]int  // files in the order in which they were opened
	nodes  int             // of all files
	files  int             // opened by outside and include
	merged map[string]bool // read already
	active map[string]bool // being read: naming one again is a circle
	paths  map[Pos]string  // of what later checks complain about
	quoted map[Pos]bool    // scalars written with quotes
	unsure map[string]bool // nodes of which something could not be read
	real   bool            // host: machine, whose interfaces the file does not list
}

// Parse reads a lab file. The error joins one *Error for every mistake, file
// by file, in the order of the file. Beside mistakes of meaning there is a
// usable Topology; it is nil when the text is no YAML or no mapping. `outside`
// and `include` files are asked of open, which may be nil when there are none.
func Parse(src Source, open Opener) (*Topology, error) {
	p := &parser{
		complaints: complaints{said: map[said]bool{}},
		open:       open,
		ranks:      map[string]int{src.Name: 0},
		merged:     map[string]bool{},
		active:     map[string]bool{},
		paths:      map[Pos]string{},
		quoted:     map[Pos]bool{},
		unsure:     map[string]bool{},
	}
	var t *Topology
	if v, ok := p.document(src); ok {
		t = p.topology(src, v)
	}
	if p.full() {
		p.list = append(p.list, &Error{Pos: Pos{src.Name, 1, 1}, Msg: fmt.Sprintf("%d mistakes: the first %d are shown", p.count, maxMistakes)})
	}
	return t, joined(p.list, p.ranks)
}

// topology reads the top of a file and puts its steps together.
func (p *parser) topology(src Source, v Value) *Topology {
	a := p.object("", v, "file")
	p.version(a)
	t := &Topology{
		Name: p.labName(a, src.Name), Title: p.texts(a, "title"), Explain: p.texts(a, "explain"),
		Host: Word{Text: a.OneOf("host", Sandbox, Sandbox, Machine), Pos: a.Value("host").Pos},
	}
	p.real = t.Host.Text == Machine
	w := &world{parser: p, fine: map[Pos]bool{}}
	p.outside(a, src, w, t)
	p.ground(a, src, w, t)
	p.steps(a, w, t)
	p.unique(t)
	if w.objects == 0 && p.count == 0 {
		p.add(v.Pos, "", "the lab is empty: define at least one namespace, for example `namespaces: {red: {}}`")
	}
	if a.Bool("warnings", true) {
		t.Warnings = p.warnings(t)
	}
	return t
}

func (p *parser) version(a *Args) {
	if w := a.Word("version"); w.Pos.Line != 0 && w.Text != "1" {
		p.add(w.Pos, "version", "this nslab understands version 1, found %q: a newer nslab may understand it", cut(w.Text))
	}
}

// labName reads the name of the lab; without one the file's name serves.
func (p *parser) labName(a *Args, file string) Word {
	w := a.Word("name")
	if w.Pos.Line != 0 {
		if problem := nameProblem(w.Text); problem != "" {
			p.add(w.Pos, "name", "%s", problem)
		}
		return w
	}
	base := path.Base(file)
	w = Word{Text: strings.TrimSuffix(base, path.Ext(base)), Pos: Pos{File: file, Line: 1, Col: 1}}
	if file == "" || strings.ContainsAny(base, "-<>") && strings.Trim(base, "-<>") == "" || base == "<stdin>" {
		w.Text = "lab"
	}
	if nameProblem(w.Text) != "" && !a.has("name") {
		p.add(w.Pos, "name", "give the lab a name (`name: my-lab`): the name of the file, %q, cannot be one", cut(w.Text))
	}
	return w
}

// ground reads the objects that stand beside the steps, and makes them a step
// when there are any, or when there are no steps at all.
func (p *parser) ground(a *Args, src Source, w *world, t *Topology) {
	patch := p.patch(a)
	patches := append(p.includes(a, src.Name, 0), patch)
	empty := true
	for _, x := range patches {
		empty = empty && x.empty()
	}
	if a.has("steps") && empty {
		if a.has("verify") {
			p.add(keyPos(a.v, "verify"), "verify", "there is nothing to verify before the first step: move `verify` into a step")
		}
		return
	}
	s := Step{Name: Word{Text: "ground", Pos: a.v.Pos}}
	if !a.has("steps") {
		s.Title, s.Explain = t.Title, t.Explain
	}
	if empty && !a.has("verify") && len(t.Steps) > 0 {
		return
	}
	w.apply(patches...)
	s.State, s.Verify = w.checked(s.Name.Text), p.checks(a)
	t.Steps = append(t.Steps, s)
}

func keyPos(v Value, key string) Pos {
	for _, k := range v.Keys {
		if k.Text == key {
			return k.Pos
		}
	}
	return v.Pos
}
