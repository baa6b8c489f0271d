package topology

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Args reads the keys of a mapping for whoever understands them: a link kind,
// a probe, a service. Every key that is asked for is thereby known; Err
// reports the others. The methods complain instead of failing and return a
// zero value, so that one reading finds every mistake.
type Args struct {
	path    string
	v       Value
	claimed []string // when there is no sink
	errs    []error
	sink    func(*Error) // where complaints go; errs when nil
}

// NewArgs reads v, which must be a Map, at path in the document.
func NewArgs(path string, v Value) *Args {
	a := &Args{path: path, v: v}
	if v.Kind != Map {
		a.Complain(v.Pos, "want a mapping (key: value), found %s", v.what())
	}
	return a
}

// what names the kind of a value in a message.
func (v Value) what() string {
	switch v.Kind {
	case Scalar:
		return fmt.Sprintf("%q", cut(v.Text))
	case List:
		return "a list"
	case Map:
		return "a mapping"
	case Absent:
	}
	return "nothing"
}

// given says whether something was written, if only null.
func (v Value) given() bool { return v.Kind != Absent || v.Pos.Line != 0 }

func at(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func nth(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func (a *Args) complain(pos Pos, path, format string, args ...any) {
	e := &Error{Pos: pos, Path: path, Msg: fmt.Sprintf(format, args...)}
	if a.sink != nil {
		a.sink(e)
		return
	}
	a.errs = append(a.errs, e)
}

// Complain reports a mistake at pos.
func (a *Args) Complain(pos Pos, format string, args ...any) {
	a.complain(pos, a.path, format, args...)
}

func (a *Args) wrong(key string, v Value, format string, args ...any) {
	a.complain(v.Pos, at(a.path, key), format, args...)
}

// Value claims a key of any shape; Absent when it is not there.
func (a *Args) Value(key string) Value {
	if a.sink == nil && !slices.Contains(a.claimed, key) {
		a.claimed = append(a.claimed, key)
	}
	return a.v.Get(key)
}

// has says whether a key was written.
func (a *Args) has(key string) bool { return a.Value(key).given() }

// Word returns the scalar under key; the zero Word when it is not there.
func (a *Args) Word(key string) Word {
	v := a.Value(key)
	switch {
	case v.Kind == Scalar:
		return Word{Text: v.Text, Pos: v.Pos}
	case v.Kind != Absent:
		a.wrong(key, v, "want one value, found %s", v.what())
	case v.given():
		a.wrong(key, v, "the value is missing: write one or leave the key out")
	}
	return Word{}
}

// Required is Word for a key that must be there; example shows a value.
func (a *Args) Required(key, example string) Word {
	if v := a.Value(key); !v.given() && a.v.Kind == Map {
		a.Complain(a.v.Pos, "%q is missing, for example `%s: %s`", key, key, example)
	} else if v.Kind == Scalar && v.Text == "" {
		a.wrong(key, v, "the value is empty, want for example %s", example)
	}
	return a.Word(key)
}

// OneOf returns the scalar under key when it is one of allowed, def when it
// is not there.
func (a *Args) OneOf(key, def string, allowed ...string) string {
	w := a.Word(key)
	switch {
	case w.Pos.Line == 0:
		return def
	case slices.Contains(allowed, w.Text):
		return w.Text
	}
	if near := Nearest(w.Text, allowed); near != "" {
		a.complain(w.Pos, at(a.path, key), "%q is not one of %s: did you mean %q?", cut(w.Text), strings.Join(allowed, ", "), near)
	} else {
		a.complain(w.Pos, at(a.path, key), "%q is not one of %s", cut(w.Text), strings.Join(allowed, ", "))
	}
	return def
}

// Int returns the whole number under key, def when it is not there or wrong.
func (a *Args) Int(key string, def, low, high int) int {
	w := a.Word(key)
	if w.Pos.Line == 0 {
		return def
	}
	n, problem := number(w.Text, low, high)
	if problem != "" {
		a.complain(w.Pos, at(a.path, key), "%s", problem)
		return def
	}
	return n
}

// Bool returns true or false under key, def when it is not there or wrong.
func (a *Args) Bool(key string, def bool) bool {
	w := a.Word(key)
	switch {
	case w.Pos.Line == 0:
		return def
	case w.Text == "true" || w.Text == "false":
		return w.Text == "true"
	}
	a.complain(w.Pos, at(a.path, key), "want true or false, found %q", cut(w.Text))
	return def
}

// Addr returns the IP address under key, an invalid one when it is not there or
// wrong.
func (a *Args) Addr(key string) netip.Addr {
	w := a.Word(key)
	if w.Pos.Line == 0 {
		return netip.Addr{}
	}
	addr, problem := parseAddr(w.Text)
	if problem != "" {
		a.complain(w.Pos, at(a.path, key), "%s", problem)
	}
	return addr
}

// Words returns a list of scalars; one scalar is a list of one.
func (a *Args) Words(key string) []Word {
	v := a.Value(key)
	if v.Kind != List {
		if w := a.Word(key); w.Pos.Line != 0 {
			return []Word{w}
		}
		return nil
	}
	var out []Word
	for i, item := range v.Items {
		if item.Kind != Scalar {
			a.wrong(nth(key, i), item, "want one value, found %s", item.what())
			continue
		}
		out = append(out, Word{Text: item.Text, Pos: item.Pos})
	}
	return out
}

// Duration returns the duration under key ("2s", "300ms"), def when it is not
// there or wrong.
func (a *Args) Duration(key string, def time.Duration) time.Duration {
	w := a.Word(key)
	if w.Pos.Line == 0 {
		return def
	}
	d, problem := duration(w.Text)
	if problem != "" {
		a.complain(w.Pos, at(a.path, key), "%s", problem)
		return def
	}
	return d
}

// Err returns the complaints, and one for every key that nobody asked for.
func (a *Args) Err() error {
	errs := slices.Clone(a.errs)
	for _, k := range a.v.Keys {
		if !slices.Contains(a.claimed, k.Text) {
			errs = append(errs, &Error{Pos: k.Pos, Path: a.path, Msg: Unknown("key", k.Text, a.claimed)})
		}
	}
	return Sorted(errs)
}
