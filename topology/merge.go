package topology

import (
	"maps"
	"slices"
	"strings"
)

// addLinks adds links. A link between the ends of one of an earlier patch is
// that link again, and gains; within one patch it would be a slip.
func (w *world) addLinks(links []Link) {
	var more []Link
	var names []string
	for _, l := range links {
		name := l.name()
		if i, known := w.linkAt[name]; known {
			w.Links[i] = w.Links[i].merged(l)
			continue
		}
		l.Outside = l.Outside || slices.ContainsFunc(l.every(), func(e End) bool { return w.isOutside(e.Node.Text) })
		more, names = append(more, l), append(names, name)
	}
	for i, name := range names {
		w.linkAt[name] = len(w.Links) + i
	}
	w.Links = append(w.Links, more...)
}

// isOutside says whether a node stands around the host: what is built on it is
// not built on a real machine either.
func (w *world) isOutside(node string) bool {
	if i, ok := w.nsAt[place{name: node}]; ok && w.Namespaces[i].Outside {
		return true
	}
	i, ok := w.brAt[node]
	return ok && w.Bridges[i].Outside
}

// name is what makes two mentions of a link the same: its kind and its ends.
func (l Link) name() string {
	var ends []string
	for _, e := range l.Ends {
		ends = append(ends, e.String())
	}
	slices.Sort(ends)
	return l.Kind.Text + " " + strings.Join(ends, " ")
}

// merged is the link with what a later mention adds.
func (l Link) merged(more Link) Link {
	l.Ends = slices.Clone(l.Ends)
	for i := range l.Ends {
		for _, e := range more.Ends {
			if e.String() == l.Ends[i].String() {
				l.Ends[i] = l.Ends[i].merged(e)
				break
			}
		}
	}
	if more.Parent != nil {
		l.Parent = more.Parent
	}
	for i, k := range more.Options.Keys {
		l.Options = l.Options.with(k, more.Options.Items[i])
	}
	return l
}

func (e End) merged(more End) End {
	e.Addresses = extended(e.Addresses, more.Addresses)
	if more.Auto.Line != 0 && !e.handed {
		e.Auto = more.Auto
	}
	if more.MAC.Text != "" {
		e.MAC = more.MAC
	}
	if more.MTU != 0 {
		e.MTU = more.MTU
	}
	if more.bends {
		e.Hairpin = more.Hairpin
	}
	return e
}

// with is a Map with one key added or replaced.
func (v Value) with(key Word, item Value) Value {
	v.Keys, v.Items = slices.Clone(v.Keys), slices.Clone(v.Items)
	for i, k := range v.Keys {
		if k.Text == key.Text {
			v.Keys[i], v.Items[i] = key, item
			return v
		}
	}
	v.Keys, v.Items = append(v.Keys, key), append(v.Items, item)
	return v
}

// extended appends without touching what an earlier state shares.
func extended[T any](have, more []T) []T {
	if len(more) == 0 {
		return have
	}
	return append(slices.Clip(have), more...)
}

// replaced appends, and puts what has the name of an old one in its place.
func replaced[T any](have, more []T, name func(T) string) []T {
	if len(more) == 0 {
		return have
	}
	out := slices.Clone(have)
	at := map[string]int{}
	for i, x := range out {
		at[name(x)] = i
	}
	for _, x := range more {
		if i, known := at[name(x)]; known {
			out[i] = x
			continue
		}
		at[name(x)] = len(out)
		out = append(out, x)
	}
	return out
}

// names lists the nodes of the state, the host among them.
func (w *world) names() []string {
	set := map[string]bool{Host: true}
	for i := range w.Namespaces {
		set[w.Namespaces[i].Name.Text] = true
	}
	for i := range w.Bridges {
		set[w.Bridges[i].Name.Text] = true
	}
	return slices.Sorted(maps.Keys(set))
}
