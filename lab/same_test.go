package lab_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab"
	"nslab/lab/kerneltest"
	"nslab/lab/op"
	"nslab/lab/show"
	"nslab/scenarios"
)

// TestSameAsScript builds every lesson twice, step by step: by the engine, and
// by the commands that nslab prints for a person, run by sh(1). The two kernels
// must be equal. What a service answers is no command, so services are not
// compared; nor are the marks by which nslab knows its own.
func TestSameAsScript(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "ip", "iptables-save", "ip6tables-save", "sysctl")
	for _, name := range append(scenarios.Names(), "testdata/everything.yaml", "testdata/policy.yaml", "testdata/removals.yaml") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := compiled(name)
			if err != nil {
				t.Fatal(err)
			}
			hasAll(t, p)
			if strings.Contains(name, "open-vswitch") {
				needs(t, "ethtool")
			}
			if byPlugins(p) {
				t.Skip("plugins of CNI are programs; a script of ip and iptables cannot be their runtime")
			}
			var byEngine []string
			if err := json.Unmarshal([]byte(elsewhere(t, "engine", name)), &byEngine); err != nil {
				t.Fatal(err)
			}
			for i, stage := range p.Stages {
				byScript := elsewhere(t, "script", name, strconv.Itoa(i))
				if diff := cmp.Diff(byScript, byEngine[i]); diff != "" {
					t.Errorf("step %s (-script +engine):\n%s", stage.Name, diff)
				}
			}
		})
	}
}

// byPlugins says whether some fact is made by plugins of CNI.
func byPlugins(p *lab.Plan) bool {
	return slices.ContainsFunc(p.Stages, func(s lab.Stage) bool {
		return slices.ContainsFunc(s.Facts, func(f lab.Step) bool { return op.Name(f.Op) == op.Name(op.CNI{}) })
	})
}

// hasAll skips a lab whose programs this machine has not.
func hasAll(t *testing.T, p *lab.Plan) {
	t.Helper()
	if err := lab.Needs(p); err != nil {
		t.Skip(err)
	}
}

func needs(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs", tool, "to compare with:", err)
		}
	}
}

// engineRole builds a lab step by step and prints a dump of every step.
func engineRole(args []string) error {
	l, p, err := opened(args[0])
	if err != nil {
		return err
	}
	defer l.Close()
	var dumps []string
	for _, s := range p.Stages {
		if _, err := l.Apply(context.Background(), p, lab.Options{To: s.Name.Text, NoVerify: true}); err != nil {
			return err
		}
		drift, err := l.Status()
		if err != nil || len(drift) > 0 {
			return fmt.Errorf("step %s: not true after apply: %v %w", s.Name, drift, err)
		}
		d, err := dump()
		if err != nil {
			return err
		}
		dumps = append(dumps, d)
	}
	return json.NewEncoder(os.Stdout).Encode(dumps)
}

// scriptRole builds a lab by its own script and prints a dump.
func scriptRole(args []string) error {
	if err := furnish(); err != nil {
		return err
	}
	p, err := compiled(args[0])
	if err != nil {
		return err
	}
	to, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	var script strings.Builder
	if err := show.Script(&script, p, to); err != nil {
		return err
	}
	cmd := exec.Command("sh")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(script.String()), os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w in:\n%s", err, script.String())
	}
	d, err := dump()
	if err != nil {
		return err
	}
	_, err = io.WriteString(os.Stdout, d)
	return err
}
