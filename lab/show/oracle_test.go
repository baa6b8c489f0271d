package show_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nslab/lab/show"
)

// TestProve lets prove(1) read the report: it must find every test, and no
// more failures and skips than there are.
func TestProve(t *testing.T) {
	t.Parallel()
	prove, err := exec.LookPath("prove")
	if err != nil {
		t.Skip("prove is not installed: ", err)
	}
	file := filepath.Join(t.TempDir(), "report.tap")
	tap := render(t, func(w io.Writer) error { return show.TAP(w, run(t)) })
	if err := os.WriteFile(file, []byte(tap), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), prove, "-v", "--exec", "cat", file).CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		t.Fatalf("prove ends with %v, want a failure", err)
	}
	for _, want := range []string{"Tests: 9 Failed: 4)", "Failed tests:  3-4, 7-8", "Files=1, Tests=9,"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("prove does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "Parse errors") {
		t.Errorf("prove:\n%s", out)
	}
}

// attributes are what junit-10.xsd of Jenkins' xUnit plugin allows and nslab writes.
func attributes() map[string][]string {
	return map[string][]string{
		"testsuites": {"name", "tests", "failures", "errors", "time"},
		"testsuite":  {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
		"properties": {}, "property": {"name", "value"},
		"testcase": {"name", "classname", "time"},
		"failure":  {"message", "type"}, "error": {"message", "type"}, "skipped": {"message", "type"},
		"system-out": {},
	}
}

func TestJUnit(t *testing.T) {
	t.Parallel()
	got := render(t, func(w io.Writer) error { return show.JUnit(w, run(t)) })
	d := xml.NewDecoder(strings.NewReader(got))
	seen := map[string]bool{}
	counts := map[string]int{}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			counts[e.Name.Local]++
			allowed(t, e, seen)
		}
	}
	for element, want := range map[string]int{"testsuite": 4, "testcase": 9, "failure": 1, "error": 3, "skipped": 2} {
		if counts[element] != want {
			t.Errorf("%d of %s, want %d", counts[element], element, want)
		}
	}
}

func allowed(t *testing.T, e xml.StartElement, seen map[string]bool) {
	t.Helper()
	legal, known := attributes()[e.Name.Local]
	if !known {
		t.Errorf("element %s", e.Name.Local)
	}
	key := ""
	for _, a := range e.Attr {
		if !slices.Contains(legal, a.Name.Local) {
			t.Errorf("%s has an attribute %s", e.Name.Local, a.Name.Local)
		}
		if a.Name.Local == "name" || a.Name.Local == "classname" {
			key += a.Value + "\x00"
		}
	}
	if e.Name.Local == "testcase" && seen[key] {
		t.Errorf("two cases are called %q", key)
	}
	seen[key] = true
}

func TestXMLLint(t *testing.T) {
	t.Parallel()
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed: ", err)
	}
	cmd := exec.CommandContext(t.Context(), lint, "--noout", "-")
	cmd.Stdin = strings.NewReader(render(t, func(w io.Writer) error { return show.JUnit(w, run(t)) }))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("xmllint: %v\n%s", err, out)
	}
}
