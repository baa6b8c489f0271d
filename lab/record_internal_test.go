package lab

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nslab/lab/op"
	"nslab/topology"
)

// written is a record as a line, and what is read of that.
func written(t *testing.T, r record) (string, record) {
	t.Helper()
	var b bytes.Buffer
	if err := writeRecords(&b, []record{r}); err != nil {
		t.Fatal(err)
	}
	line := b.String()
	if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
		t.Errorf("%q is not one line", line)
	}
	back, err := readRecord(b.Bytes())
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return line, back
}

func up(ns string) op.Op { return op.Up{NS: ns, Dev: "lo"} }

// Places are in the file of the entry before, where none is said.
func TestRecordPlaces(t *testing.T) {
	t.Parallel()
	at := func(file string, line int) topology.Pos { return topology.Pos{File: file, Line: line, Col: 3} }
	want := []Step{
		{op.Names{}, topology.Pos{}},
		{up("a"), at("one.yaml", 1)},
		{up("b"), at("one.yaml", 2)},
		{up("c"), at("two.yaml", 3)},
		{up("d"), topology.Pos{}},
		{up("e"), at("two.yaml", 4)},
		{up("f"), at("one.yaml", 5)},
		{up("g"), topology.Pos{File: "one.yaml"}},
		{up("h"), at("one.yaml", 6)},
	}
	line, back := written(t, record{Begin: &change{Add: entries(want)}})
	got, err := steps(back.Begin.Add)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if n := strings.Count(line, `"file"`); n != 5 {
		t.Errorf("the file stands there %d times, want 5: %s", n, line)
	}
}

// A journal of before said every file, and what is zero.
func TestRecordOfBefore(t *testing.T) {
	t.Parallel()
	const line = `{"end":"","have":[{"fact":{"fact":"Names","is":{}}},` +
		`{"fact":{"fact":"Up","is":{"NS":"a","Dev":"lo","Quiet":false}},"file":"one.yaml","line":1,"col":3},` +
		`{"fact":{"fact":"Up","is":{"NS":"b","Dev":"lo","Quiet":true}},"file":"one.yaml","line":2,"col":3}]}` + "\n"
	r, err := readRecord([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	want := []Step{
		{op.Names{}, topology.Pos{}},
		{up("a"), topology.Pos{File: "one.yaml", Line: 1, Col: 3}},
		{op.Up{NS: "b", Dev: "lo", Quiet: true}, topology.Pos{File: "one.yaml", Line: 2, Col: 3}},
	}
	got, err := steps(r.Have)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// What is empty and means something is written, and what is no text as well.
func TestRecordKeepsWhatIsEmpty(t *testing.T) {
	t.Parallel()
	empty := ""
	for _, r := range []record{
		{Version: journalVersion},
		{Begin: &change{}},
		{End: &empty},
		{End: &empty, All: true},
		{Proved: &empty},
		{Was: &memory{op.Written{Op: up("a")}, ""}},
	} {
		if line, back := written(t, r); !cmp.Equal(r, back, cmpopts.EquateEmpty()) {
			t.Errorf("%s is read as %s", line, cmp.Diff(r, back))
		}
	}
	_, back := written(t, record{Was: &memory{op.Written{Op: up("a")}, "a\xffb"}})
	if got := back.Was.Value; got != "a\ufffdb" {
		t.Errorf("what is no text is read as %q", got)
	}
}
