package lab_test

import (
	"testing"

	"nslab/lab"
	"nslab/lab/kerneltest"
)

// A check that failed is asked again by the next Apply: a lab does not get
// past it by being applied twice.
func TestFailedCheckIsAskedAgain(t *testing.T) {
	kerneltest.Need(t)
	p := plan(t, "unproved.yaml", `
steps:
  - {name: one, namespaces: {red: {}}, verify: [{route: {in: red, to: 10.0.0.9}}]}
  - {name: two, namespaces: {blue: {}}}
`)
	l := open(t, t.TempDir(), p.Name())
	defer l.Close()
	defer func() { _ = l.Destroy(nil) }()
	for i := range 2 {
		r, err := l.Apply(t.Context(), p, lab.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !r.Failed() || l.Journal.At != "one" {
			t.Errorf("apply %d: failed %v at %q, want a failed check at one", i+1, r.Failed(), l.Journal.At)
		}
	}
}

// What was proved is not proved again on the way to the next step.
func TestProvedOnce(t *testing.T) {
	kerneltest.Need(t)
	p := plan(t, "proved.yaml", `
steps:
  - {name: one, namespaces: {red: {}}, verify: [{route: {in: red, to: 10.0.0.9}, expect: none}]}
  - {name: two, namespaces: {blue: {}}}
`)
	l := open(t, t.TempDir(), p.Name())
	defer l.Close()
	defer func() { _ = l.Destroy(nil) }()
	for _, tt := range []struct {
		to    string
		asked int
	}{{"one", 1}, {"two", 0}} {
		r, err := l.Apply(t.Context(), p, lab.Options{To: tt.to})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(r.Stages[0].Results); got != tt.asked {
			t.Errorf("to %s: %d questions at step one, want %d", tt.to, got, tt.asked)
		}
	}
}
