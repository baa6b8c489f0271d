package show_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"nslab/lab"
	"nslab/topology"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// plan compiles testdata/lab.yaml, a lab with hostile texts.
func plan(t *testing.T) *lab.Plan {
	t.Helper()
	text, err := os.ReadFile("testdata/lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	top, err := topology.Parse(topology.Source{Name: "lab.yaml", Text: text}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := lab.Compile(top, false)
	if err != nil {
		t.Fatal(err)
	}
	p.Topology.Title["en"] += "\x1b[31m" // which the parser would refuse
	return p
}

// render returns what f writes.
func render(t *testing.T, f func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := f(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// golden compares with testdata/name; go test -update rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// harmless fails when a text could do more to a terminal than to be read.
func harmless(t *testing.T, name, s string) {
	t.Helper()
	if i := strings.IndexFunc(s, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("%s: %q is written as it is", name, s[i:min(i+4, len(s))])
	}
}
