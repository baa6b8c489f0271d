package show_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"

	"nslab/lab"
	"nslab/lab/op"
	"nslab/lab/show"
	"nslab/topology"
)

// marked says of the first stage that it exists, and of forwarding that it drifted.
func marked(p *lab.Plan) func(lab.Step) string {
	there := map[op.Op]bool{}
	for _, s := range p.Facts(0) {
		there[s.Op] = true
	}
	return func(s lab.Step) string {
		if there[s.Op] {
			return show.Exists
		}
		if c, ok := s.Op.(op.Sysctl); ok {
			return "drifted: " + c.Key + " is 0\n\x1b[2J"
		}
		return ""
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	p := plan(t)
	got := render(t, func(w io.Writer) error { return show.Plan(w, p, 0, 2, marked(p), show.Style{}) })
	harmless(t, "plan", got)
	golden(t, "plan.txt", got)

	tag := func(name string) func(string) string {
		return func(s string) string { return "<" + name + ">" + s + "</" + name + ">" }
	}
	style := show.Style{Lang: "ko", Heading: tag("h"), Good: tag("good"), Bad: tag("bad"), Changed: tag("changed"), Faint: tag("faint")}
	golden(t, "plan-styled.txt", render(t, func(w io.Writer) error { return show.Plan(w, p, 1, 2, marked(p), style) }))
}

func TestPlanJSON(t *testing.T) {
	t.Parallel()
	p := plan(t)
	got := render(t, func(w io.Writer) error { return show.PlanJSON(w, p, 1, 2, marked(p)) })
	golden(t, "plan.json", got)
	if !json.Valid([]byte(got)) {
		t.Error("not JSON")
	}
	if out := jq(t, got, `[.steps[].changes[] | select(.action == "remove")] | length`); out != "1" {
		t.Errorf("jq counts %s removals, want 1", out)
	}
}

// jq asks the program of that name.
func jq(t *testing.T, document, query string) string {
	t.Helper()
	path, err := exec.LookPath("jq")
	if err != nil {
		t.Skip("jq is not installed: ", err)
	}
	cmd := exec.CommandContext(t.Context(), path, "-c", query)
	cmd.Stdin = strings.NewReader(document)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("jq: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestPlanOutOfRange(t *testing.T) {
	t.Parallel()
	p := plan(t)
	for _, r := range [][2]int{{-1, 0}, {1, 0}, {0, 3}} {
		for name, err := range map[string]error{
			"plan":     show.Plan(io.Discard, p, r[0], r[1], nil, show.Style{}),
			"planJSON": show.PlanJSON(io.Discard, p, r[0], r[1], nil),
		} {
			if err == nil || !strings.Contains(err.Error(), "the lab has 3 steps") {
				t.Errorf("%s %v: %v", name, r, err)
			}
		}
	}
}

func TestStory(t *testing.T) {
	t.Parallel()
	p := plan(t)
	for _, lang := range []string{"en", "ko"} {
		for _, width := range []int{32, 72} {
			got := render(t, func(w io.Writer) error { return show.Story(w, &p.Stages[0], lang, width) })
			if width == 32 {
				golden(t, "story-"+lang+".txt", got)
			}
			for l := range strings.SplitSeq(got, "\n") {
				if n := text.StringWidth(l); n > width {
					t.Errorf("%s: %d columns of %d: %q", lang, n, width, l)
				}
			}
		}
	}
	hostile := topology.Text{"en": "a\x1b[2J\u202eb\n\n  c\x07"}
	harmless(t, "prose", render(t, func(w io.Writer) error { return show.Prose(w, hostile, hostile, "en", 40) }))
	if got := render(t, func(w io.Writer) error { return show.Prose(w, nil, nil, "en", 40) }); got != "" {
		t.Errorf("no texts: %q", got)
	}
}
