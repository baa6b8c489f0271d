package show_test

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"nslab/lab"
	"nslab/lab/op"
	"nslab/lab/probe"
	"nslab/lab/show"
	"nslab/topology"
)

// result is a verdict on an assertion of the plan.
func result(a probe.Assertion, s probe.Status, ans probe.Answer, took time.Duration, message string) probe.Result {
	return probe.Result{
		Assertion: a, Status: s, Answer: ans, Tries: 1, Took: took, Expected: a.Expect.String(), Message: message,
	}
}

const hostile = "]]> <b>&\n::error file=x::owned\n##[error]x\nok 9 - no # SKIP\nBail out!\x1b[31m \x00\u202e$(touch /tmp/x)%0A:,"

// run is a test run with everything that can happen.
func run(t *testing.T) []show.File {
	t.Helper()
	p := plan(t)
	rooms, cable := &p.Stages[0], &p.Stages[1]
	reply := probe.Answer{Outcome: probe.Reply, RTT: 90 * time.Microsecond}
	silence := probe.Answer{Outcome: probe.NoReply, Text: hostile}
	broken := probe.Answer{Outcome: probe.Error, Text: "no such namespace"}
	report := &lab.Report{Stages: []lab.StageReport{
		{Stage: rooms, Verbs: map[string]int{lab.Created: 5}, Built: 3 * time.Millisecond, Asked: time.Second, Results: []probe.Result{
			result(rooms.Checks[0], probe.Passed, probe.Answer{Outcome: probe.Unreachable}, 12*time.Millisecond, ""),
		}},
		{Stage: cable, Results: []probe.Result{
			result(cable.Checks[0], probe.Passed, reply, time.Millisecond, ""),
			result(cable.Checks[1], probe.Failed, silence, 2*time.Second, "expected a reply, got no reply ("+hostile+")"),
			result(cable.Checks[1], probe.Broken, broken, 0, "could not be asked: no such namespace"),
			probe.Skip(cable.Checks[2], "blue stands in the world outside\n::error::x # TODO \\"),
		}},
	}}
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	built := &lab.StepError{Step: find(t, p, "bridge v-net-0 on the host"), Err: errors.New("file exists")}
	mistakes := errors.Join(
		&topology.Error{Pos: topology.Pos{File: "bad.yaml", Line: 3, Col: 5}, Path: "nat", Msg: "unknown key"},
		&topology.Error{Pos: topology.Pos{File: "bad.yaml", Line: 9, Col: 1}, Msg: "50% of:, this"},
	)
	return []show.File{
		{Path: "lab.yaml", Lab: "two-rooms", Report: report, Took: 3 * time.Second, Began: began},
		{
			Path: "b/lab.yaml", Lab: "two-rooms", Report: &lab.Report{Stages: report.Stages[:1]},
			Err: &lab.BuildError{Stage: "switch", Err: built}, Began: began.Add(time.Second), Took: 2500 * time.Millisecond,
		},
		{Path: "bad\n::error::.yaml", Err: mistakes, Began: began},
		{Path: "skip.yaml", Lab: "skip", Skipped: "needs a machine # TODO", Began: began},
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	files := run(t)
	for name, f := range map[string]func(io.Writer) error{
		"report.txt":    func(w io.Writer) error { return show.Text(w, files, show.Style{}) },
		"report-ko.txt": func(w io.Writer) error { return show.Text(w, files, show.Style{Lang: "ko"}) },
		"report.json":   func(w io.Writer) error { return show.JSON(w, files) },
		"report.xml":    func(w io.Writer) error { return show.JUnit(w, files) },
		"report.tap":    func(w io.Writer) error { return show.TAP(w, files) },
		"report.github": func(w io.Writer) error { return show.GitHub(w, files) },
	} {
		got := render(t, f)
		golden(t, name, got)
		if name != "report.json" {
			harmless(t, name, got)
		}
		if name != "report.github" {
			obeyed(t, name, got)
		}
	}
}

// obeyed fails when the runner of a GitHub workflow would find a command.
func obeyed(t *testing.T, name, log string) {
	t.Helper()
	for l := range strings.Lines(log) {
		v1 := strings.Contains(l, "##[") && name != "report.json" && name != "report.xml"
		if v1 || strings.HasPrefix(strings.TrimSpace(l), "::") {
			t.Errorf("%s has a command: %q", name, l)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	got := render(t, func(w io.Writer) error { return show.JSON(w, run(t)) })
	if out := jq(t, got, `[.ok, .passed, .failed, .errors, .skipped, .seconds, (.files | length)]`); out != "[false,3,1,3,2,3.5,4]" {
		t.Errorf("jq reads %s", out)
	}
	var doc struct {
		Files []struct{ Checks []struct{ Found string } }
	}
	if err := json.Unmarshal([]byte(got), &doc); err != nil {
		t.Fatal(err)
	}
	if got, want := doc.Files[0].Checks[2].Found, "no reply ("+hostile+")"; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestGitHub(t *testing.T) {
	t.Parallel()
	commands := []string{"::group::", "::endgroup::", "::error ", "::notice "}
	got := render(t, func(w io.Writer) error { return show.GitHub(w, run(t)) })
	for l := range strings.Lines(got) {
		known := false
		for _, c := range commands {
			known = known || strings.HasPrefix(l, c)
		}
		if !known {
			t.Errorf("not a command of ours: %q", l)
		}
	}
	if n := strings.Count(got, "\n::error "); n != 5 {
		t.Errorf("%d annotations, want 5:\n%s", n, got)
	}
}

func TestGitHubLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		errors, shown int
		more          string
	}{{10, 10, ""}, {11, 10, "::and 2 more; "}, {30, 10, "::and 21 more; "}} {
		var files []show.File
		for i := range tt.errors {
			files = append(files, show.File{Path: strconv.Itoa(i), Err: errors.New("x")})
		}
		got := render(t, func(w io.Writer) error { return show.GitHub(w, files) })
		if n := strings.Count(got, "\n::error "); n != tt.shown || !strings.Contains(got, tt.more) {
			t.Errorf("%d errors: %d annotations:\n%s", tt.errors, n, got)
		}
	}
}

func TestNothingRan(t *testing.T) {
	t.Parallel()
	refused := []show.File{{Path: "a.yaml"}, {Path: "b.yaml", Err: errors.New("no user namespaces here:\n  sysctl x")}}
	empty := []show.File{{Path: "a.yaml", Report: &lab.Report{}}}
	tap := func(f []show.File) string { return render(t, func(w io.Writer) error { return show.TAP(w, f) }) }
	if got, want := tap(refused), "TAP version 13\nBail out!  no user namespaces here:;   sysctl x\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got, want := tap(empty), "TAP version 13\n1..0 # SKIP nothing to check\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	text := render(t, func(w io.Writer) error { return show.Text(w, empty, show.Style{}) })
	if want := "a.yaml\n  nothing to check\n0 passed in 0.0 s\n"; text != want {
		t.Errorf("got  %q\nwant %q", text, want)
	}
}

// find is the last stage's fact of that sentence.
func find(t *testing.T, p *lab.Plan, sentence string) lab.Step {
	t.Helper()
	for _, s := range p.Facts(len(p.Stages) - 1) {
		if s.Op.String() == sentence {
			return s
		}
	}
	t.Fatalf("no fact %q", sentence)
	return lab.Step{}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	p := plan(t)
	labs := []show.Standing{
		{Summary: lab.Summary{Name: "two-rooms", Step: "switch", Facts: 20}},
		{Summary: lab.Summary{Name: "drifted", Step: "switch", Facts: 20, Half: true}, Drift: []lab.Drift{
			{Step: find(t, p, "v-net-0 on the host is up"), Diff: "v-net-0 on the host is down\x1b[2J"},
			{Step: find(t, p, "red knows 192.168.15.2 blue"), Diff: "/etc/netns/red/hosts says something else"},
			{Step: find(t, p, "an HTTP server on port 80 in blue"), Diff: "it does not run"},
			{Step: lab.Step{Op: fact{}}, Diff: "by itself"},
		}},
		{Summary: lab.Summary{Name: "lost", Facts: 1}, Err: errors.New("permission denied")},
	}
	got := render(t, func(w io.Writer) error { return show.Status(w, labs, show.Style{}) })
	harmless(t, "status", got)
	golden(t, "status.txt", got)
	doc := render(t, func(w io.Writer) error { return show.StatusJSON(w, labs) })
	golden(t, "status.json", doc)
	if out := jq(t, doc, `[.[] | [.name, .true, (.drift | length)]]`); out != `[["two-rooms",true,0],["drifted",false,4],["lost",false,0]]` {
		t.Errorf("jq reads %s", out)
	}
}

// asked is a question with a command of the test's.
type asked struct {
	probe.Probe
	command op.Command
}

func (a asked) Command() op.Command { return a.command }

func TestProbeInScript(t *testing.T) {
	t.Parallel()
	p := handmade()
	check := plan(t).Stages[0].Checks[0]
	check.Probe = asked{check.Probe, op.Command{"ping", "x\nip link del eth0", "\x1b[2J"}}
	p.Stages[0].Checks = []probe.Assertion{check}
	script := render(t, func(w io.Writer) error { return show.Script(w, p, 0) })
	if !strings.HasSuffix(script, "# ask: ping 'x\\nip link del eth0' '\\x1b[2J'  (expect unreachable)\n") {
		t.Errorf("got:\n%s", script)
	}
}
