package op

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"unicode/utf8"
)

// Lines reads lines of JSON as Encode and json.Encoder write them, many facts in
// each, in less than half the time that encoding/json takes: thousands of facts
// stand in a journal between a person and the end of a lab. It is an
// acceleration and no more: a line that is written in any other way is left to
// encoding/json, which says what is wrong with it, too. The zero value is ready.
type Lines struct {
	rest  []byte
	odd   bool // it takes encoding/json to understand the line
	forms map[reflect.Type]*form
	facts map[string]reflect.Value // by name: where they are read into
	words map[string]string        // that were read before
}

// Read is json.Unmarshal.
func (r *Lines) Read(line []byte, into any) error {
	if r.forms == nil {
		r.begin()
	}
	r.rest, r.odd = bytes.TrimSuffix(line, []byte("\n")), false
	v := reflect.ValueOf(into).Elem()
	v.SetZero()
	f := r.form(v.Type())
	f.read(r, v, f)
	if !r.odd && len(r.rest) == 0 {
		return nil
	}
	v.SetZero()
	return json.Unmarshal(line, into)
}

func (r *Lines) begin() {
	*r = Lines{forms: map[reflect.Type]*form{}, facts: map[string]reflect.Value{}, words: map[string]string{}}
	for _, f := range facts {
		r.facts[Name(f)] = reflect.New(reflect.TypeOf(f)).Elem()
	}
}

func (r *Lines) fail() { r.odd, r.rest = true, nil }

// next is the next byte.
func (r *Lines) next() byte {
	if len(r.rest) == 0 {
		return 0
	}
	return r.rest[0]
}

// must reads what must come next.
func (r *Lines) must(text string) {
	if len(r.rest) < len(text) || string(r.rest[:len(text)]) != text {
		r.fail()
		return
	}
	r.rest = r.rest[len(text):]
}

func (r *Lines) strange(reflect.Value, *form) { r.fail() }

func (r *Lines) textual(v reflect.Value, _ *form) {
	if v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(r.text())) != nil {
		r.fail()
	}
}

func (r *Lines) pointer(v reflect.Value, f *form) {
	v.Set(reflect.New(v.Type().Elem()))
	f.of.read(r, v.Elem(), f.of)
}

func (r *Lines) truth(v reflect.Value, _ *form) {
	v.SetBool(r.next() == 't')
	r.must(strconv.FormatBool(v.Bool()))
}

// number reads a whole one.
func (r *Lines) number(v reflect.Value, _ *form) {
	n := 0
	for n < len(r.rest) && (r.rest[n] == '-' || '0' <= r.rest[n] && r.rest[n] <= '9') {
		n++
	}
	i, err := strconv.ParseInt(string(r.rest[:n]), 10, 64)
	switch padded := n > 1 && r.rest[0] == '0' || n > 1 && i <= 0 && r.rest[1] == '0'; {
	case err != nil || padded: // -0, 007
		r.fail()
		return
	case v.CanInt() && !v.OverflowInt(i):
		v.SetInt(i)
	case v.CanUint() && i >= 0 && !v.OverflowUint(uint64(i)):
		v.SetUint(uint64(i))
	default:
		r.fail()
		return
	}
	r.rest = r.rest[n:]
}

// text reads a string. The same few stand in a journal again and again.
func (r *Lines) text() string {
	r.must(`"`)
	n := bytes.IndexByte(r.rest, '"')
	if n < 0 {
		r.fail()
		return ""
	}
	raw := r.rest[:n]
	if s, known := r.words[string(raw)]; known {
		r.rest = r.rest[n+1:]
		return s
	}
	if bytes.IndexByte(raw, '\\') >= 0 {
		return r.escaped()
	}
	if bytes.ContainsFunc(raw, func(c rune) bool { return c < ' ' || c == utf8.RuneError }) {
		r.fail()
		return ""
	}
	s := string(raw)
	r.rest, r.words[s] = r.rest[n+1:], s
	return s
}

// escaped reads the rest of a string that has backslashes in it.
func (r *Lines) escaped() (s string) {
	end := 0
	for ; end < len(r.rest) && r.rest[end] != '"'; end++ {
		if r.rest[end] == '\\' {
			end++
		}
	}
	if end >= len(r.rest) || json.Unmarshal([]byte(`"`+string(r.rest[:end+1])), &s) != nil {
		r.fail()
		return ""
	}
	r.rest = r.rest[end+1:]
	return s
}

func (r *Lines) list(v reflect.Value, f *form) {
	r.must("[")
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for n := 0; !r.end(']', n); n++ {
		v.Grow(1)
		v.SetLen(n + 1)
		f.of.read(r, v.Index(n), f.of)
	}
}

func (r *Lines) object(v reflect.Value, f *form) {
	seen := uint64(0)
	r.must("{")
	for n := 0; !r.end('}', n); n++ {
		part, known := f.fields[r.text()]
		if !known || seen&part.bit != 0 {
			r.fail()
			return
		}
		seen |= part.bit
		r.must(":")
		part.read(r, v.FieldByIndex(part.at), part.form)
	}
}

// end says whether a list or an object has ended of which n parts were read,
// and if not, reads the comma before the next one.
func (r *Lines) end(c byte, n int) bool {
	if r.next() == c {
		r.rest = r.rest[1:]
		return true
	}
	if n > 0 {
		r.must(",")
	}
	return r.odd
}

// written reads what Encode has written.
func (r *Lines) written(v reflect.Value, _ *form) {
	r.must(`{"fact":`)
	fact, known := r.facts[r.text()]
	r.must(`,"is":`)
	if !known || r.odd {
		r.fail()
		return
	}
	fact.SetZero()
	f := r.form(fact.Type())
	f.read(r, fact, f)
	r.must("}")
	v.Field(0).Set(fact)
}
