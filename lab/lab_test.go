package lab_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab"
	"nslab/lab/kerneltest"
	"nslab/scenarios"
	"nslab/topology"
)

// beside finds the files that a scenario asks for.
func beside(name, _ string) (topology.Source, error) {
	b, err := scenarios.Read(name)
	return topology.Source{Name: name, Text: b}, err
}

// plan compiles a lab file.
func plan(t *testing.T, name, text string) *lab.Plan {
	t.Helper()
	top, err := topology.Parse(topology.Source{Name: name, Text: []byte(text)}, beside)
	if err != nil {
		t.Fatal(err)
	}
	p, err := lab.Compile(top, false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func scenario(t *testing.T, name string) *lab.Plan {
	t.Helper()
	b, err := scenarios.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return plan(t, name, string(b))
}

// open opens a lab in a directory of the test's own and destroys it at the end.
func open(t *testing.T, dir, name string) *lab.Lab {
	t.Helper()
	l, err := lab.Open(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func fingerprint(t *testing.T) string {
	t.Helper()
	out, err := looked()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// looked is what a person would look at to see whether anything is left.
func looked() (string, error) {
	var out strings.Builder
	for _, c := range []string{
		"ip -br link", "ip -br addr", "ip route show table all", "ip -6 route show table all", "ip neigh", "ip netns",
		"nft list ruleset", "sysctl -a --pattern ^net.(ipv4|ipv6).(conf.[^.]*.forwarding|ip_forward)",
	} {
		w := strings.Fields(c)
		b, err := exec.Command(w[0], w[1:]...).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%s: %w: %s", c, err, b)
		}
		out.WriteString("$ " + c + "\n" + string(b))
	}
	return out.String(), nil
}

// TestScenarios builds every lesson, proves every step, takes it down and
// demands that nothing is left.
func TestScenarios(t *testing.T) {
	kerneltest.Need(t)
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			p := scenario(t, name)
			hasAll(t, p)
			before := fingerprint(t)
			dir := t.TempDir()
			l := open(t, dir, p.Name())
			r, err := l.Apply(t.Context(), p, lab.Options{KeepGoing: true})
			if err != nil {
				t.Error(err)
			}
			for _, s := range r.Stages {
				for _, res := range s.Results {
					if res.Message != "" {
						t.Errorf("%s: %s: %s: %s", res.Assertion.Check.Pos, s.Stage.Name, res.Assertion.Title(), res.Message)
					}
				}
			}
			if drift, err := l.Status(); err != nil || len(drift) > 0 {
				t.Errorf("status after apply: %v %v", drift, err)
			}
			if err := l.Destroy(nil); err != nil {
				t.Error(err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(before, fingerprint(t)); diff != "" {
				t.Errorf("left behind (-before +after):\n%s", diff)
			}
			if _, err := os.Stat(dir + "/" + p.Name()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the lab's directory is still there: %v", err)
			}
		})
	}
}
