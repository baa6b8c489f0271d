package topology_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nslab/topology"
)

// options returns the options of the one link of a lab.
func options(t *testing.T, text string) topology.Value {
	t.Helper()
	src := topology.Source{Name: "lab.yaml", Text: []byte("links:\n  - {kind: wire, endpoint: \"host:w0\", " + text + "}\n")}
	lab, err := topology.Parse(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	return lab.Steps[0].State.Links[0].Options
}

func TestArgsReadsWhatIsThere(t *testing.T) {
	t.Parallel()
	a := topology.NewArgs("links.wire", options(t, "word: hello, number: 42, flag: true, list: [a, b], one: c, wait: 1.5s, mode: fast, any: {x: [y]}"))
	got := []any{
		a.Word("word").Text, a.Required("word", "x").Text, a.Int("number", 0, 1, 100), a.Bool("flag", false), len(a.Words("list")),
		a.Words("one")[0].Text, a.Duration("wait", 0), a.OneOf("mode", "slow", "slow", "fast"), len(a.Value("any").Keys),
	}
	want := []any{"hello", "hello", 42, true, 2, "c", 1500 * time.Millisecond, "fast", 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if err := a.Err(); err != nil {
		t.Error(err)
	}
}

func TestArgsFallsBackOnDefaults(t *testing.T) {
	t.Parallel()
	a := topology.NewArgs("links.wire", options(t, "x: y"))
	got := []any{
		a.Word("word"), a.Int("number", 7, 1, 100), a.Bool("flag", true), len(a.Words("list")),
		a.Duration("wait", time.Second), a.OneOf("mode", "slow", "slow", "fast"), a.Value("any").Kind, a.Word("x").Text,
	}
	want := []any{topology.Word{}, 7, true, 0, time.Second, "slow", topology.Absent, "y"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if err := a.Err(); err != nil {
		t.Error(err)
	}
}

func TestArgsComplains(t *testing.T) {
	t.Parallel()
	a := topology.NewArgs("links.wire", options(t, "mode: fsat, number: 010, flag: yes, wait: soon, list: [{}], wrod: a, extra: b"))
	a.OneOf("mode", "slow", "slow", "fast")
	a.Int("number", 0, 1, 100)
	a.Bool("flag", false)
	a.Duration("wait", 0)
	a.Words("list")
	a.Word("word")
	a.Required("peer", "blue")
	a.Complain(topology.Pos{File: "lab.yaml", Line: 9, Col: 1}, "a wire needs %d ends", 2)
	want := strings.Join([]string{
		`lab.yaml:2:5: links.wire: "peer" is missing, for example ` + "`peer: blue`",
		`lab.yaml:2:45: links.wire.mode: "fsat" is not one of slow, fast: did you mean "fast"?`,
		`lab.yaml:2:59: links.wire.number: 010 has a leading zero, which YAML reads as octal: write 10`,
		`lab.yaml:2:70: links.wire.flag: want true or false, found "yes"`,
		`lab.yaml:2:81: links.wire.wait: "soon" is not a duration: write for example 2s or 300ms`,
		`lab.yaml:2:94: links.wire.list[0]: want one value, found a mapping`,
		`lab.yaml:2:99: links.wire: unknown key "wrod", did you mean "word"?`,
		`lab.yaml:2:108: links.wire: unknown key "extra": there are mode, number, flag, wait, list, word, peer`,
		`lab.yaml:9:1: links.wire: a wire needs 2 ends`,
	}, "\n")
	if diff := cmp.Diff(want, a.Err().Error()); diff != "" {
		t.Errorf("complaints (-want +got):\n%s", diff)
	}
}

func TestArgsWantsAMapping(t *testing.T) {
	t.Parallel()
	pos := topology.Pos{File: "lab.yaml", Line: 3, Col: 5}
	a := topology.NewArgs("verify[0].ping", topology.Value{Kind: topology.Scalar, Text: "red", Pos: pos})
	a.Required("from", "red")
	want := `lab.yaml:3:5: verify[0].ping: want a mapping (key: value), found "red"`
	if diff := cmp.Diff(want, a.Err().Error()); diff != "" {
		t.Errorf("complaint (-want +got):\n%s", diff)
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	tests := []struct {
		got   string
		known []string
		want  string
	}{
		{"rde", []string{"red", "blue"}, `unknown node "rde", did you mean "red"?`},
		{"RED", []string{"red", "blue"}, `unknown node "RED", did you mean "red"?`},
		{"kitchen", []string{"red", "blue"}, `unknown node "kitchen": there are red, blue`},
		{"x", []string{"red"}, `unknown node "x": there is only red`},
		{"x", nil, `unknown node "x": there is none`},
		{"이름", []string{"up"}, `unknown node "이름": there is only up`},
		{"\x1b[2J", []string{"red"}, `unknown node "\x1b[2J": there is only red`},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, topology.Unknown("node", tt.got, tt.known)); diff != "" {
			t.Errorf("Unknown(%q, %v) (-want +got):\n%s", tt.got, tt.known, diff)
		}
	}
}

func TestSorted(t *testing.T) {
	t.Parallel()
	mistake := func(file string, line, col int, msg string) error {
		return &topology.Error{Pos: topology.Pos{File: file, Line: line, Col: col}, Msg: msg}
	}
	rest := errors.New("no place")
	err := topology.Sorted([]error{
		mistake("b", 2, 1, "second"), rest, nil,
		errors.Join(mistake("b", 1, 9, "first"), mistake("a", 1, 1, "third"), mistake("b", 2, 1, "second")),
	})
	want := "b:1:9: first\nb:2:1: second\na:1:1: third\nno place"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("Sorted (-want +got):\n%s", diff)
	}
	if !errors.Is(err, rest) {
		t.Error("an error without a place is lost")
	}
	if err := topology.Sorted(nil); err != nil {
		t.Errorf("Sorted(nil) is %v", err)
	}
}
