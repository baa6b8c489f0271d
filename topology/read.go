package topology

import (
	"slices"
	"strings"
)

// object opens a mapping that may have the keys of what. Null is an empty
// mapping: `red:` means the same as `red: {}`.
func (p *parser) object(path string, v Value, what string) *Args {
	a := &Args{path: path, v: v, sink: p.keep}
	if v.Kind == Scalar || v.Kind == List {
		a.Complain(v.Pos, "want a mapping (key: value), found %s", v.what())
	}
	if what == "link" {
		return a
	}
	for _, k := range v.Keys {
		if !slices.Contains(keys[what], k.Text) {
			a.Complain(k.Pos, "%s", p.unknownKey(what, k.Text))
		}
	}
	return a
}

// unknownKey words an unknown key, and says where it belongs when it is one
// of another object.
func (p *parser) unknownKey(what, key string) string {
	msg := Unknown("key", key, keys[what])
	near := strings.HasSuffix(msg, "?") // one is spelt like this, or nearly so
	homes := []struct {
		what, name string
		large      bool
	}{
		{"namespace", "a namespace (namespaces: {red: {...}})", true},
		{"end", "the end of a link, a bridge or lo", false},
		{"bridge", "a bridge (bridges: {v-net-0: {...}})", false},
		{"step", "a step or the top of the file", true},
		{"file", "the top of the file", true},
		{"nat", "an item of `nat`", false},
		{"check", "an item of `verify`", false},
	}
	for _, h := range homes {
		switch {
		case !slices.Contains(keys[h.what], key):
		case !near:
			return msg + "; it belongs in " + h.name
		case h.large:
			return msg + " (`" + key + "` belongs in " + h.name + ")"
		default:
			return msg
		}
	}
	return msg
}

// named goes through a mapping of names.
func (p *parser) named(path string, v Value, example string, f func(path string, name Word, v Value)) {
	if v.Kind == Scalar || v.Kind == List {
		p.add(v.Pos, path, "want a mapping of names, found %s: write `%s`", v.what(), example)
		return
	}
	for i, k := range v.Keys {
		f(at(path, k.Text), k, v.Items[i])
	}
}

// listed goes through a list.
func (p *parser) listed(path string, v Value, example string, f func(path string, v Value)) {
	switch {
	case v.Kind == Absent && !v.given():
	case v.Kind == Absent:
		p.add(v.Pos, path, "the list is missing: write for example `%s`, or leave the key out", example)
	case v.Kind != List:
		p.add(v.Pos, path, "want a list, found %s: write `%s`", v.what(), example)
	default:
		for i, item := range v.Items {
			f(nth(path, i), item)
		}
	}
}

// kindOfItem finds which one of kinds a mapping has.
func (p *parser) kindOfItem(a *Args, kinds []string, example string) Word {
	var found []Word
	for _, k := range a.v.Keys {
		if slices.Contains(kinds, k.Text) {
			found = append(found, k)
		}
	}
	switch len(found) {
	case 0:
		if a.v.Kind == Absent || a.v.Kind == Map && !p.strange(a.v, kinds) {
			a.Complain(a.v.Pos, "want one of %s, for example `%s`", strings.Join(kinds, ", "), example)
		}
		return Word{}
	case 1:
		return found[0]
	}
	a.Complain(found[1].Pos, "%s and %s are two things: write two items", found[0].Text, found[1].Text)
	return Word{}
}

// strange says whether a mapping has a key that is probably a misspelt kind:
// the unknown key has been reported then.
func (p *parser) strange(v Value, kinds []string) bool {
	return slices.ContainsFunc(v.Keys, func(k Word) bool { return Nearest(k.Text, kinds) != "" })
}

// texts reads a title, an explanation or a hint: a string, or one per language.
func (p *parser) texts(a *Args, key string) Text {
	v := a.Value(key)
	path := at(a.path, key)
	switch {
	case v.Kind == Scalar:
		return Text{"en": v.Text}
	case v.Kind == List:
		p.add(v.Pos, path, "want a text, or a mapping of languages ({en: ..., ko: ...}), found a list")
	case v.Kind == Absent && v.given():
		p.add(v.Pos, path, "the text is missing: write one or leave the key out")
	case v.Kind == Map:
		return p.languages(path, v)
	}
	return nil
}

func (p *parser) languages(path string, v Value) Text {
	t := Text{}
	for i, k := range v.Keys {
		if !languageName().MatchString(k.Text) {
			p.add(k.Pos, path, "%q is not a language: write en, ko, pt-BR ...", cut(k.Text))
		}
		if v.Items[i].Kind != Scalar {
			p.add(v.Items[i].Pos, at(path, k.Text), "want a text, found %s", v.Items[i].what())
			continue
		}
		t[k.Text] = v.Items[i].Text
	}
	return t
}
