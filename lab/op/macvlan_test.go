package op_test

import (
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
	"nslab/topology"
)

func TestMacvlan(t *testing.T) {
	kerneltest.Need(t)
	kerneltest.Namespace(t, "red")
	kerneltest.Namespace(t, "lan")
	k := &op.Kernel{Lab: "test"}
	parent := place("lan", "up0")
	stand(t, k, cable(t, parent, place("lan", "up1")))
	fact := fromFile(t, topology.Link{
		Kind: topology.Word{Text: "macvlan"}, Parent: &parent, Ends: []topology.End{place("red", "eth0")},
	})
	want := func(diff string) {
		t.Helper()
		if got, err := fact.Diff(k); got != diff || err != nil {
			t.Errorf("Diff = %q, %v; want %q", got, err, diff)
		}
	}
	want("eth0 in red does not exist")
	if err := fact.Do(k); err != nil {
		t.Fatal(err)
	}
	want("")
	for range 2 {
		undo(t, k, fact)
		want("eth0 in red does not exist")
	}
}

// fromFile is the fact that a link of the file means.
func fromFile(t *testing.T, l topology.Link) op.Op {
	t.Helper()
	l.Options.Kind = topology.Map
	o, err := op.ReadLink(l, &topology.State{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}
