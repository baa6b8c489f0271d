package lab_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/discover"
	"nslab/lab/kerneltest"
)

// TestDiscovered builds the whole lecture by hand, has it read, and builds what
// was read: the second kernel must be equal to the first. That every fact of it
// is true is the business of the role.
func TestDiscovered(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "ip", "iptables", "iptables-save", "ip6tables-save", "sysctl")
	for _, name := range []string{"by-hand.sh", "by-hand-more.sh"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var byHand []string
			if err := json.Unmarshal([]byte(elsewhere(t, "by-hand", "testdata/"+name)), &byHand); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "found.yaml")
			if err := os.WriteFile(file, []byte(byHand[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			var rebuilt []string
			if err := json.Unmarshal([]byte(elsewhere(t, "engine", file)), &rebuilt); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(byHand[0], rebuilt[len(rebuilt)-1]); diff != "" {
				t.Errorf("(-by hand +rebuilt):\n%s\nfrom\n%s", diff, byHand[1])
			}
		})
	}
}

// byHandRole types a script and prints a dump, and what discover makes of it.
func byHandRole(args []string) error {
	if err := furnish(); err != nil {
		return err
	}
	cmd := exec.Command("sh", "-e", args[0])
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	return printDiscovered()
}

// printDiscovered prints a dump, and what discover makes of the same.
func printDiscovered() error {
	d, err := dump()
	if err != nil {
		return err
	}
	m, err := discover.Read(context.Background(), discover.Sources{Sockets: map[string]string{}, Podman: []string{}})
	if err != nil {
		return err
	}
	var file strings.Builder
	if err := m.WriteLab(&file); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode([]string{d, file.String()})
}
