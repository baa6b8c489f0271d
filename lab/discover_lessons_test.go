package lab_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab"
	"nslab/lab/kerneltest"
	"nslab/scenarios"
)

// TestDiscoveredLessons builds each lesson, has it read as if anybody had built
// it, and builds what was read: the second kernel must be equal to the first,
// and what is read in it as well, the proxies among the processes too. What the
// file asks must be true there.
func TestDiscoveredLessons(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "ip", "bridge", "iptables-save", "ip6tables-save", "sysctl")
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := compiled(name)
			if err != nil {
				t.Fatal(err)
			}
			hasAll(t, p)
			var built, rebuilt []string
			if err := json.Unmarshal([]byte(elsewhere(t, "discovered", name)), &built); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "found.yaml")
			if err := os.WriteFile(file, []byte(built[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(elsewhere(t, "discovered", file)), &rebuilt); err != nil {
				t.Fatalf("%v\n%s", err, built[1])
			}
			if diff := cmp.Diff(built[0], rebuilt[0]); diff != "" {
				t.Errorf("kernel (-lesson +rebuilt):\n%s\nfrom\n%s", diff, built[1])
			}
			// the kernel numbers its interfaces anew
			if diff := cmp.Diff(sortedLines(built[1]), sortedLines(rebuilt[1])); diff != "" {
				t.Errorf("file (-lesson +rebuilt):\n%s", diff)
			}
		})
	}
}

func sortedLines(text string) []string { return slices.Sorted(strings.Lines(text)) }

// discoveredRole builds a lab, and prints a dump and what discover makes of it.
// The checks of a lesson are other tests' business, those of a file are asked.
func discoveredRole(args []string) error {
	l, p, err := opened(args[0])
	if err != nil {
		return err
	}
	defer l.Close()
	report, err := l.Apply(context.Background(), p, lab.Options{NoVerify: filepath.Ext(args[0]) == ""})
	if err != nil || report.Failed() {
		return fmt.Errorf("what was found is not true when it is rebuilt: %+v %w", report, err)
	}
	drift, err := l.Status()
	if err != nil || len(drift) > 0 {
		return fmt.Errorf("not true after apply: %v %w", drift, err)
	}
	return printDiscovered()
}
