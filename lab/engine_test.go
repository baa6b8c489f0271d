package lab_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab"
	"nslab/lab/op"
	"nslab/topology"
)

// Up is a fact that only writes down what the engine asks of it. It has the
// name of a real one, so that the journal can read it back: what is reopened
// are real facts of interfaces that do not exist.
type Up struct{ fake }

// Namespace is such a fact on which others stand: A.b stands on A.
type Namespace struct{ fake }

// Makes is what others stand on.
func (n Namespace) Makes() []op.Object { return []op.Object{op.Dev("fake", n.Dev)} }

type fake struct {
	NS, Dev string
	tape    *tape
}

// tape is what the engine did, and what is to go wrong.
type tape struct {
	did     []string
	down    map[string]bool // not true now
	refuse  map[string]error
	journal string // looked at before Do
	t       *testing.T
	then    func(string) // called with every entry
}

func (x *tape) note(what string) error {
	x.did = append(x.did, what)
	if x.then != nil {
		x.then(what)
	}
	return x.refuse[what]
}

func (u fake) Do(*op.Kernel) error {
	if b, err := os.ReadFile(u.tape.journal); err != nil || !strings.Contains(string(b), fmt.Sprintf("%q", u.Dev)) {
		u.tape.t.Errorf("Do of %s comes before the journal says so: %s %v", u.Dev, b, err)
	}
	err := u.tape.note("do " + u.Dev)
	if err == nil {
		delete(u.tape.down, u.Dev)
	} else {
		u.tape.down[u.Dev] = true
	}
	return err
}

func (u fake) Undo(*op.Kernel) error {
	u.tape.down[u.Dev] = true
	return u.tape.note("undo " + u.Dev)
}

func (u fake) Diff(*op.Kernel) (string, error) {
	if u.tape.down[u.Dev] {
		return u.Dev + " is down", nil
	}
	return "", u.tape.refuse["diff "+u.Dev]
}

func (u fake) Command() op.Command { return op.Command{"up", u.Dev} }
func (u fake) Inverse() op.Command { return op.Command{"down", u.Dev} }
func (u fake) String() string      { return u.Dev + " is up" }

func (u fake) On() []op.Object {
	if on, _, stands := strings.Cut(u.Dev, "."); stands {
		return []op.Object{op.Dev("fake", on)}
	}
	return nil
}

// taped is an engine with a journal and a tape.
func taped(t *testing.T) (*lab.Engine, *tape) {
	t.Helper()
	dir := t.TempDir()
	l := open(t, dir, "taped")
	t.Cleanup(func() { _ = l.Close() })
	x := &tape{down: map[string]bool{}, refuse: map[string]error{}, journal: filepath.Join(dir, "taped", "journal"), t: t}
	return &lab.Engine{Kernel: l.Kernel, Journal: l.Journal}, x
}

// facts are fakes for a list of words; others stand on those in capitals.
func (x *tape) facts(words string) (out []lab.Step) {
	for i, w := range strings.Fields(words) {
		var o op.Op = Up{fake{"fake", w, x}}
		if strings.ToUpper(w) == w {
			o = Namespace{fake{"fake", w, x}}
		}
		out = append(out, lab.Step{Op: o, Pos: topology.Pos{File: "lab.yaml", Line: i + 1, Col: 1}})
	}
	return out
}

func names(steps []lab.Step) string {
	var out []string
	for _, s := range steps {
		switch o := s.Op.(type) {
		case Up:
			out = append(out, o.Dev)
		case Namespace:
			out = append(out, o.Dev)
		case op.Up:
			out = append(out, o.Dev)
		default:
			out = append(out, s.Op.String())
		}
	}
	return strings.Join(out, " ")
}

func TestEngineOrder(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, from, to, drifted, did, have string }{
		{name: "builds forward", to: "a b c", did: "do a, do b, do c", have: "a b c"},
		{name: "does nothing twice", from: "a b c", to: "a b c", have: "a b c"},
		{name: "undoes backward", from: "a b c", to: "a", did: "undo c, undo b", have: "a"},
		{name: "undoes first", from: "a b", to: "a c", did: "undo b, do c", have: "a c"},
		{name: "leaves to the root what goes with it", from: "A A.b A.c d", did: "undo d, undo A"},
		{name: "mends what drifted", from: "a b c", to: "a b c", drifted: "b", did: "undo b, do b", have: "a b c"},
		{name: "takes an order that changed", from: "a b", to: "b a", have: "b a"},
		{name: "makes anew what stood on it", from: "A A.b", to: "c A.b", did: "undo A, do c, do A.b", have: "c A.b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e, x := taped(t)
			if err := e.To(t.Context(), "before", x.facts(tt.from)); err != nil {
				t.Fatal(err)
			}
			e = &lab.Engine{Kernel: e.Kernel, Journal: e.Journal} // the first does not look twice
			x.did, x.down = nil, map[string]bool{}
			for w := range strings.FieldsSeq(tt.drifted) {
				x.down[w] = true
			}
			if err := e.To(t.Context(), "after", x.facts(tt.to)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.did, strings.Join(x.did, ", ")); diff != "" {
				t.Errorf("did (-want +got):\n%s", diff)
			}
			if have := names(e.Journal.Have); have != tt.have || e.Journal.At != "after" || e.Journal.Open {
				t.Errorf("the journal has %q at %q (open: %v), want %q", have, e.Journal.At, e.Journal.Open, tt.have)
			}
		})
	}
}

func TestEngineStopsAtARefusal(t *testing.T) {
	t.Parallel()
	e, x := taped(t)
	no := errors.New("operation not permitted")
	x.refuse["do b"] = no
	err := e.To(t.Context(), "step", x.facts("a b c"))
	if !errors.Is(err, no) || err.Error() != "lab.yaml:2:1: up b: operation not permitted (b is down)" {
		t.Errorf("error %v", err)
	}
	if did := strings.Join(x.did, ", "); did != "do a, do b" {
		t.Errorf("did %s", did)
	}
	if have := names(e.Journal.Have); have != "a b c" || e.Journal.At != "" || !e.Journal.Open {
		t.Errorf("the journal has %q at %q (open: %v): it must know what may be true", have, e.Journal.At, e.Journal.Open)
	}
}

func TestEngineTakesWhatIsTrueAlready(t *testing.T) {
	t.Parallel()
	e, x := taped(t)
	u := Up{fake{"fake", "a", x}}
	x.refuse["do a"] = os.ErrExist
	x.then = func(string) { x.refuse["do a"] = nil } // somebody else does it at that moment
	if err := e.To(t.Context(), "step", []lab.Step{{Op: u}}); err != nil {
		t.Error(err)
	}
}

func TestEngineIsCancelled(t *testing.T) {
	t.Parallel()
	e, x := taped(t)
	ctx, cancel := context.WithCancel(t.Context())
	x.then = func(what string) {
		if what == "do b" {
			cancel()
		}
	}
	x.down["c"], x.down["d"] = true, true
	err := e.To(ctx, "step", x.facts("a b c d"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if did := strings.Join(x.did, ", "); did != "do a, do b" {
		t.Errorf("did %s", did)
	}
	x.did = nil
	if err := e.To(t.Context(), "step", x.facts("a b c d")); err != nil {
		t.Fatal(err)
	}
	if e.Journal.At != "step" || e.Journal.Open {
		t.Errorf("the journal stands at %q, open: %v", e.Journal.At, e.Journal.Open)
	}
	for _, w := range []string{"do c", "do d"} { // a and b may be looked at or made again
		if !strings.Contains(strings.Join(x.did, ", "), w) {
			t.Errorf("%s is missing: %s", w, x.did)
		}
	}
}

func TestDownGoesOn(t *testing.T) {
	t.Parallel()
	e, x := taped(t)
	if err := e.To(t.Context(), "step", x.facts("a b c d")); err != nil {
		t.Fatal(err)
	}
	x.did = nil
	x.refuse["undo b"], x.refuse["undo d"] = errors.New("busy"), errors.New("denied")
	err := e.Down()
	want := "lab.yaml:4:1: down d: denied\nlab.yaml:2:1: down b: busy"
	if err == nil || err.Error() != want {
		t.Errorf("error (-want +got):\n%s", cmp.Diff(want, fmt.Sprint(err)))
	}
	if did := strings.Join(x.did, ", "); did != "undo d, undo c, undo b, undo a" {
		t.Errorf("did %s", did)
	}
	if have := names(e.Journal.Have); have != "b d" {
		t.Errorf("left in the journal: %q", have)
	}
	clear(x.refuse)
	x.did = nil
	if err := e.Down(); err != nil || len(e.Journal.Have) != 0 {
		t.Errorf("a second Down: %v, left: %q", err, names(e.Journal.Have))
	}
	if did := strings.Join(x.did, ", "); did != "undo d, undo b" {
		t.Errorf("did %s", did)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	e, x := taped(t)
	if err := e.To(t.Context(), "step", x.facts("a b c")); err != nil {
		t.Fatal(err)
	}
	x.down["a"], x.down["c"] = true, true
	drift, err := e.Check()
	var got []string
	for _, d := range drift {
		got = append(got, d.Step.Pos.String()+": "+d.Diff)
	}
	if diff := cmp.Diff([]string{"lab.yaml:1:1: a is down", "lab.yaml:3:1: c is down"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	x.refuse["diff b"] = errors.New("interrupted")
	if _, err := e.Check(); err == nil || err.Error() != "lab.yaml:2:1: up b: interrupted" {
		t.Errorf("error %v", err)
	}
}

// TestDifference reads two lists of facts: of fakes, where A.b stands on A.
func TestDifference(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, have, want, gone, roots, add string }{
		{name: "nothing"},
		{name: "new", want: "A A.b", add: "A A.b"},
		{name: "old", have: "A A.b c", gone: "c A.b A", roots: "c A"},
		{name: "same", have: "A A.b", want: "A A.b"},
		{name: "one more, one less", have: "a b", want: "b c", gone: "a", roots: "a", add: "c"},
		{name: "what stands on it goes, by itself", have: "A A.b A.c", want: "d A.b A.c", gone: "A.c A.b A", roots: "A", add: "d A.b A.c"},
		{name: "what stands on it, without it", have: "A A.b A.c", want: "A", gone: "A.c A.b", roots: "A.c A.b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := &tape{}
			c := lab.Difference(x.facts(tt.have), x.facts(tt.want))
			got := []string{names(c.Gone), names(c.Roots()), names(c.Add)}
			if diff := cmp.Diff([]string{tt.gone, tt.roots, tt.add}, got); diff != "" {
				t.Errorf("gone, roots, add (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDifferenceOfTheSwitch is the third step of the lecture: the cable goes,
// red is plugged into the switch, and its address and its being up, which are
// the same facts before and after, have to be made anew.
func TestDifferenceOfTheSwitch(t *testing.T) {
	t.Parallel()
	p := scenario(t, "red-blue")
	c := p.Change(p.Index("switch"))
	text := func(steps []lab.Step) (out []string) {
		for _, s := range steps {
			out = append(out, s.Op.String())
		}
		return out
	}
	gone := []string{
		"veth-blue in blue is up", "veth-blue in blue has 192.168.15.2/24",
		"veth-red in red is up", "veth-red in red has 192.168.15.1/24",
		"cable red:veth-red - blue:veth-blue",
	}
	if diff := cmp.Diff(gone, text(c.Gone)); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(gone[4:], text(c.Roots())); diff != "" {
		t.Errorf("roots (-want +got):\n%s", diff)
	}
	added := map[op.Op]bool{}
	for _, s := range c.Add {
		added[s.Op] = true
	}
	for _, o := range []op.Op{
		op.Addr{NS: "red", Dev: "veth-red", Prefix: netip.MustParsePrefix("192.168.15.1/24")}, op.Up{NS: "red", Dev: "veth-red", Quiet: true},
	} {
		if !added[o] {
			t.Errorf("%q has to be made anew", o)
		}
	}
}
