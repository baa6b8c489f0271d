package topology

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// outside reads the file of the world outside: it becomes the first step.
func (p *parser) outside(a *Args, src Source, w *world, t *Topology) {
	name := a.Word("outside")
	if name.Pos.Line == 0 {
		return
	}
	file, v, ok := p.fetch("outside", name, src.Name)
	if !ok {
		return
	}
	p.merged[file.Name] = true
	o := p.object("", v, "file")
	for _, key := range []string{"outside", "steps"} {
		if o.has(key) {
			p.add(keyPos(v, key), key, "the world outside is built in one step: its file (named in %s) cannot have `%s`", name.Pos, key)
		}
	}
	s := Step{
		Name: Word{Text: "outside", Pos: name.Pos}, Title: p.texts(o, "title"), Explain: p.texts(o, "explain"), Outside: true,
	}
	if s.Title == nil {
		s.Title = Text{"en": "The world outside", "ko": "바깥 세상"}
	}
	patches := append(p.includes(o, file.Name, 1), p.patch(o))
	for i := range patches {
		patches[i].outside()
	}
	w.apply(patches...)
	s.State, s.Verify = w.checked(s.Name.Text), p.checks(o)
	if w.objects > 0 {
		t.Steps = append(t.Steps, s)
	}
}

// includes reads the files that a file brings in as ground, and theirs.
func (p *parser) includes(a *Args, from string, depth int) []patch {
	var out []patch
	for i, name := range a.Words("include") {
		path := nth("include", i)
		if depth >= maxNest {
			p.add(name.Pos, path, "files include each other more than %d deep: does one include itself?", maxNest)
			return out
		}
		file, v, ok := p.fetch(path, name, from)
		if !ok || p.merged[file.Name] {
			continue
		}
		p.merged[file.Name], p.active[file.Name] = true, true
		o := p.object("", v, "file")
		for _, key := range []string{"outside", "steps", "verify", "host"} {
			if o.has(key) {
				p.add(keyPos(v, key), key, "an included file (see %s) brings objects only: it cannot have `%s`", name.Pos, key)
			}
		}
		out = append(out, p.includes(o, file.Name, depth+1)...)
		out = append(out, p.patch(o))
		delete(p.active, file.Name)
	}
	return out
}

// fetch opens and reads a file that another file names.
func (p *parser) fetch(path string, name Word, from string) (Source, Value, bool) {
	if problem := p.reachable(name.Text); problem != "" {
		p.add(name.Pos, path, "%q: %s", cut(name.Text), problem)
		return Source{}, Value{}, false
	}
	src, err := p.open(name.Text, from)
	if err != nil {
		p.add(name.Pos, path, "%q cannot be read: %v", cut(name.Text), err)
		return Source{}, Value{}, false
	}
	switch _, known := p.ranks[src.Name]; {
	case p.ranks[src.Name] == 0 && known || p.active[src.Name]:
		p.add(name.Pos, path, "%q: the files include each other in a circle", cut(name.Text))
		return Source{}, Value{}, false
	case p.merged[src.Name]:
		return src, Value{}, true
	case !known:
		p.ranks[src.Name] = len(p.ranks)
	}
	v, ok := p.document(src)
	return src, v, ok
}

// reachable says why a file cannot be opened, before anybody tries.
func (p *parser) reachable(name string) string {
	p.files++
	switch problem := nameOfFile(name); {
	case problem != "":
		return problem
	case p.files > maxFiles:
		return fmt.Sprintf("more than %d files are included", maxFiles)
	case p.open == nil:
		return "no other file can be opened from here"
	}
	return ""
}

// nameOfFile refuses what leads out of the directory of the lab.
func nameOfFile(name string) string {
	switch {
	case name == "":
		return "the name of the file is missing"
	case path.IsAbs(name) || strings.ContainsAny(name, "\\\x00\n"):
		return "want the name of a file beside the lab's"
	case slices.Contains(strings.Split(name, "/"), ".."):
		return "the file must lie in the directory of the lab"
	}
	return ""
}
