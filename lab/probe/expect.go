package probe

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"nslab/topology"
)

// Words of expectations that are no outcomes.
const (
	fails = "fail" // anything but a reply
	none  = "none" // absent
)

// Expect is what an answer must be: an outcome, and what it must say besides.
type Expect struct {
	Word   string // reply, unreachable, no-reply, refused, fail, present, absent, none, ran
	Fields []Field
}

// Field is one key of an expectation that is a mapping.
type Field struct{ Key, Want string }

// Met says whether an answer is the expected one.
func (e Expect) Met(a Answer) bool {
	return e.outcome(a.Outcome) && !slices.ContainsFunc(e.Fields, func(f Field) bool { return !f.met(a) })
}

func (e Expect) outcome(o Outcome) bool {
	switch e.Word {
	case fails:
		return o != Reply && o != Error
	case none:
		return o == Absent
	}
	return string(o) == e.Word
}

// met compares as is right for the key: a body ends with a newline or not, of
// an output only a part is asked for, and an interface has several addresses.
func (f Field) met(a Answer) bool {
	have, ok := a.Data[f.Key]
	switch f.Key {
	case "body":
		return strings.TrimRight(have, "\r\n") == strings.TrimRight(f.Want, "\r\n")
	case "stdout":
		return strings.Contains(have, f.Want)
	case "has", "address", "pid":
		return !slices.ContainsFunc(strings.Fields(f.Want), func(w string) bool {
			return !slices.Contains(strings.Fields(have), w)
		})
	}
	return ok && have == f.Want
}

// negative says that a reply would be wrong.
func (e Expect) negative() bool {
	return e.Word == fails || e.Word == string(Unreachable) || e.Word == string(NoReply)
}

// String is the expectation in words.
func (e Expect) String() string {
	if len(e.Fields) == 0 {
		return phrases[e.Word]
	}
	var out []string
	for _, f := range e.Fields {
		out = append(out, f.String())
	}
	return strings.Join(out, ", ")
}

var phrases = map[string]string{
	string(Reply): "a reply", string(Unreachable): "unreachable (a word from the kernel or a router)",
	string(NoReply): "no reply (silence)", string(Refused): "refused (nobody listens)",
	fails: "no reply, for whatever reason", string(Present): "present", string(Absent): "absent", none: "none",
	string(Same): "one namespace", string(Different): "several namespaces", string(Free): "free", string(Taken): "taken (address already in use)",
	string(Ran): "a command that runs",
}

func (f Field) String() string {
	switch f.Key {
	case "has":
		return f.Want
	case "stdout":
		return "output with " + strconv.Quote(f.Want)
	case "body":
		return "body " + strconv.Quote(f.Want)
	case "seen-as":
		return "seen as " + f.Want
	}
	return f.Key + " " + f.Want
}

// value reads one key of an expectation and writes it the way answers do.
type value func(text string) (string, error)

func anyText(s string) (string, error) { return s, nil }

// upTo reads a whole number that is not larger than most.
func upTo(most int) value {
	return func(s string) (string, error) {
		n, err := topology.Number(s, 0, most)
		return strconv.Itoa(n), err
	}
}

// The largest numbers of what is counted.
const (
	maxStatus = 999 // of HTTP, and more than any program's
	maxPort   = 1<<16 - 1
	maxVNI    = 1<<24 - 1 // RFC 7348
)

func address(s string) (string, error) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return "", fmt.Errorf("want an IP address such as 192.168.15.2, found %q", s)
	}
	return a.String(), nil
}

func prefix(s string) (string, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return "", fmt.Errorf("want an address with its prefix length such as 192.168.15.1/24, found %q", s)
	}
	return p.String(), nil
}

// readExpect reads `expect` as a kind understands it.
func (k kind) readExpect(v topology.Value) (Expect, []error) {
	switch v.Kind {
	case topology.Absent:
		return Expect{Word: k.words[0]}, nil
	case topology.Scalar:
		if !slices.Contains(k.words, v.Text) {
			return Expect{}, []error{mistake(v.Pos, "%s", topology.Unknown("expectation", v.Text, k.words))}
		}
		return Expect{Word: v.Text}, nil
	case topology.List:
		return k.readList(v)
	case topology.Map:
	}
	return k.readFields(v)
}

// readList is short for the one key of the kind that stands for a list.
func (k kind) readList(v topology.Value) (Expect, []error) {
	if k.list == "" {
		return Expect{}, []error{mistake(v.Pos, "want a word (%s), found a list", strings.Join(k.words, ", "))}
	}
	f, errs := k.readField(topology.Word{Text: k.list, Pos: v.Pos}, v)
	return Expect{Word: k.words[0], Fields: []Field{f}}, errs
}

func (k kind) readFields(v topology.Value) (Expect, []error) {
	var keys []string
	for _, f := range k.fields {
		keys = append(keys, f.key)
	}
	if len(keys) == 0 {
		return Expect{}, []error{mistake(v.Pos, "want a word (%s), found a mapping", strings.Join(k.words, ", "))}
	}
	var errs []error
	e := Expect{Word: k.words[0]}
	for i, key := range v.Keys {
		if !slices.Contains(keys, key.Text) {
			errs = append(errs, mistake(key.Pos, "%s", topology.Unknown("key", key.Text, keys)))
			continue
		}
		f, wrong := k.readField(key, v.Items[i])
		e.Fields, errs = append(e.Fields, f), append(errs, wrong...)
	}
	if len(v.Keys) == 0 {
		errs = append(errs, mistake(v.Pos, "an empty mapping expects nothing: want one of %s", strings.Join(keys, ", ")))
	}
	return e, errs
}

// readField reads a scalar, or a list of them, which is written sorted.
func (k kind) readField(key topology.Word, v topology.Value) (Field, []error) {
	items := v.Items
	if v.Kind == topology.Scalar {
		items = []topology.Value{v}
	}
	if len(items) == 0 || v.Kind == topology.Map {
		return Field{}, []error{mistake(key.Pos, "%s: want a value", key)}
	}
	var out []string
	var errs []error
	for _, item := range items {
		text, err := k.value(key.Text)(item.Text)
		if err != nil || item.Kind != topology.Scalar {
			errs = append(errs, mistake(item.Pos, "%s: %v", key, err))
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return Field{Key: key.Text, Want: strings.Join(out, " ")}, errs
}

// patience is how long a question waits.
type patience struct {
	listen time.Duration // silence that long is an outcome
	limit  time.Duration // and this is the end, whatever is still under way
	settle bool          // silence counts only once the packet has left
	errors bool          // a router may still have something to say: listen up to the limit
	fixed  bool          // the file has set the limit
}

// How long questions wait when the file does not say. A bridge port may take
// a second until it forwards, and a new IPv6 interface two until duplicate
// address detection (RFC 4862) lets it look for its neighbours, so a reply is
// waited for longer than that. The kernel asks three times with ARP, one
// second apart, before it gives up.
const (
	replyWithin  = 3 * time.Second
	listenWithin = time.Second
	giveUpWithin = 4 * time.Second
)

// patience is what the expectation takes; within is what the file says, or 0.
func (e Expect) patience(within time.Duration) patience {
	or := func(d time.Duration) time.Duration {
		if within > 0 {
			return within
		}
		return d
	}
	p := patience{listen: or(listenWithin), limit: or(giveUpWithin), settle: e.negative(), fixed: within > 0}
	switch {
	case !e.negative():
		p.listen, p.limit = or(replyWithin), or(replyWithin)
	case e.Word == string(Unreachable):
		p.listen, p.errors = min(p.listen, listenWithin), true
	}
	return p
}
