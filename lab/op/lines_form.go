package op

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
)

// form is how a type is read.
type form struct {
	read   func(*Lines, reflect.Value, *form)
	fields map[string]field // of a struct, by key
	of     *form            // what a pointer points to, what a list is of
}

type field struct {
	at  []int  // as reflect.Value.FieldByIndex wants it
	bit uint64 // of its own
	*form
}

var textual, ownJSON = reflect.TypeFor[encoding.TextUnmarshaler](), reflect.TypeFor[json.Unmarshaler]()

func (r *Lines) form(t reflect.Type) *form {
	if f := r.forms[t]; f != nil {
		return f
	}
	f := &form{}
	r.forms[t] = f
	p := reflect.PointerTo(t)
	switch {
	case t == reflect.TypeFor[Written]():
		f.read = (*Lines).written
	case p.Implements(ownJSON):
		f.read = (*Lines).strange
	case p.Implements(textual):
		f.read = (*Lines).textual
	default:
		r.plain(f, t)
	}
	return f
}

func (r *Lines) plain(f *form, t reflect.Type) {
	switch t.Kind() {
	case reflect.Struct:
		f.read, f.fields = (*Lines).object, r.fields(t)
	case reflect.Pointer:
		f.read, f.of = (*Lines).pointer, r.form(t.Elem())
	case reflect.Slice:
		f.read, f.of = (*Lines).list, r.form(t.Elem())
	case reflect.String:
		f.read = func(r *Lines, v reflect.Value, _ *form) { v.SetString(r.text()) }
	case reflect.Bool:
		f.read = (*Lines).truth
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		f.read = (*Lines).number
	default:
		f.read = (*Lines).strange
	}
}

func (r *Lines) fields(t reflect.Type) map[string]field {
	out := map[string]field{}
	for _, f := range reflect.VisibleFields(t) {
		if f.IsExported() && !f.Anonymous {
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if key == "" {
				key = f.Name
			}
			out[key] = field{f.Index, 1 << len(out), r.form(f.Type)}
		}
	}
	return out
}
