package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nslab/lab/kerneltest"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == boxed {
		os.Exit(box(os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(kerneltest.Main(m))
}

// Every contestant builds what the shape says, proves it and takes it away.
func TestContestants(t *testing.T) {
	kerneltest.Need(t)
	o := options{nslab: built(t, "nslab/cmd/nslab"), floor: built(t, "nslab/lab/bench/floor")}
	var cases []testcase
	dir := t.TempDir()
	if err := o.install(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"star-3", "line-4", "tree-4", "ports-3"} {
		c, err := o.testcase(t.Context(), name, dir)
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	var said bytes.Buffer
	res := measureAll(t.Context(), cases, 1, newBar(&said, cases, options{rounds: 1, runs: 1}))
	for key, errs := range res.failed {
		t.Errorf("%s: %s: %v", key[0], key[1], errors.Join(errs...))
	}
	if gs := res.goals(); len(gs) != 4*len(cases) || strings.Contains(goalText(gs), "| - |") {
		t.Error(goalText(gs))
	}
	for _, c := range cases {
		for _, who := range []string{"floor", "nslab"} {
			if v := res.values(c, who, verify, wall); len(v) != 1 || v[0] <= 0 {
				t.Errorf("%s: verify of %s took %v", c.Name, who, v)
			}
			if left := res.left(c, who); left != 0 {
				t.Errorf("%s: %s left %d behind", c.Name, who, left)
			}
		}
	}
	if err := xml.Unmarshal(res.plot(), new(any)); err != nil {
		t.Errorf("the plot: %v", err)
	}
	if !strings.HasPrefix(said.String(), "measuring star-3\nmeasuring line-4\n") {
		t.Errorf("said %q", said.String())
	}
}

// Starts are measured, all of them.
func TestStarts(t *testing.T) {
	kerneltest.Need(t)
	o := options{nslab: built(t, "nslab/cmd/nslab"), floor: built(t, "nslab/lab/bench/floor"), rounds: 1, runs: 1}
	ms, err := measureStarts(t.Context(), o, t.TempDir(), newBar(io.Discard, nil, o))
	if err != nil {
		t.Fatal(err)
	}
	for _, phase := range []string{"bare", "version", "ip", "exec", "room"} {
		if len(ms[phase]) != starting {
			t.Errorf("%s was measured %d times, want %d", phase, len(ms[phase]), starting)
		}
	}
	if text := listText("Starts", startGoals(ms, o.rounds)); strings.Count(text, "≤") != len(starts)+2 || strings.Contains(text, "**0.00**") {
		t.Error(text)
	}
}

func built(t *testing.T, pkg string) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs root: nobody else has the go command here")
	}
	path := filepath.Join(t.TempDir(), filepath.Base(pkg))
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// Ratios are those within a round; a round that failed does not shift them.
func TestRatio(t *testing.T) {
	t.Parallel()
	of := func(ms ...int) (out []round) {
		for _, v := range ms {
			r := round{}
			if v > 0 {
				r[apply] = measure{Wall: time.Duration(v) * time.Millisecond}
			}
			out = append(out, r)
		}
		return out
	}
	c := testcase{kit: kit{kind: "star", size: 10}, steps: map[string][]step{"floor": {}, "nslab": {}}}
	c.Name = "star-10"
	res := &results{cases: []testcase{c}, rounds: map[[2]string][]round{
		{c.Name, "floor"}: of(10, 100, 0, 20),
		{c.Name, "nslab"}: of(20, 120, 33, 40),
	}}
	for phase, want := range map[string]string{apply: "**2.00** (want ≤ 1.3: no)", verify: ""} {
		if got := res.wallCell(c, "nslab", phase); got != want {
			t.Errorf("%s: %q, want %q", phase, got, want)
		}
	}
	if got := res.wallCell(c, "floor", apply); got != "1 = 20ms" {
		t.Errorf("floor: %q", got)
	}
}

// Three of five runs within the limit are enough, and one that could not be
// measured is none of them.
func TestGoals(t *testing.T) {
	t.Parallel()
	var gs []goal
	for _, v := range []float64{1.2, 0, 1.31, 1.3, 1} {
		gs = together(gs, []goal{{"star-10, apply", 1.3, "", []float64{v}}, {"a start", 10, " ms", []float64{10 * v}}})
	}
	for _, line := range []string{
		"1 of 2 limits are kept in three of five runs or more.",
		"| star-10, apply | 1.3 | 1.2 | - | 1.31 | 1.3 | 1 | **3 of 5**: yes |",
		"| a start | 10 ms | 12 ms | - | 13.1 ms | 13 ms | 10 ms | **1 of 5**: no |",
	} {
		if got := goalText(gs); !strings.Contains(got, line+"\n") {
			t.Errorf("there is no line %q in\n%s", line, got)
		}
	}
}

// What is written by hand around the tables stays.
func TestPaste(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "page.md")
	for _, tt := range []struct{ old, want string }{
		{"head\n" + begins + "old\n" + ends + "foot\n", "head\n" + begins + "\nnew\n\n" + ends + "foot\n"},
		{"nothing", ""},
	} {
		if err := os.WriteFile(page, []byte(tt.old), 0o600); err != nil {
			t.Fatal(err)
		}
		err := paste(page, "new\n")
		if (err == nil) != (tt.want != "") {
			t.Errorf("paste into %q: %v", tt.old, err)
		}
		if got, _ := os.ReadFile(page); tt.want != "" && string(got) != tt.want {
			t.Errorf("the page is %q, want %q", got, tt.want)
		}
	}
}

// ADD and DEL are measured beside the reference's; where it is not, the page says so.
func TestPlugin(t *testing.T) {
	kerneltest.Need(t)
	o := options{nslab: built(t, "nslab/cmd/nslab"), rounds: 1, runs: 1}
	gs, missing, err := measurePlugin(t.Context(), o, t.TempDir(), newBar(io.Discard, nil, o))
	if err != nil {
		t.Fatal(err)
	}
	text := pluginText(gs, missing)
	if missing == "" && (strings.Count(text, "≤ 1:") != 4 || strings.Contains(text, "**-**")) || missing != "" && strings.Count(text, "Not measured") != 1 {
		t.Error(text)
	}
}
