package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	testRef  = regexp.MustCompile("`([a-z/]+): ((?:Test|Fuzz)[A-Za-z0-9]+)(?:/([a-z0-9-]+))?`")
	faultRow = regexp.MustCompile(`(?m)^\| (\d+) \| .* \| .* \|(.*)\|$`)
)

// TestTrust holds trust.md to the source: every test that it names is there,
// and every fault has a test, or the reason why it has none.
func TestTrust(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("trust.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range testRef.FindAllStringSubmatch(string(b), -1) {
		if !defined(t, m[1], m[2]) {
			t.Errorf("%s: there is no test %s in %s", m[0], m[2], m[1])
		} else if m[3] != "" && !scripted(m[1], m[3]) {
			t.Errorf("%s: there is no script %s in %s/testdata", m[0], m[3], m[1])
		}
	}
	rows := faultRow.FindAllStringSubmatch(string(b), -1)
	for i, row := range rows {
		if row[1] != strconv.Itoa(i+1) {
			t.Errorf("the fault after %d is %s", i, row[1])
		}
		if !testRef.MatchString(row[2]) && !strings.Contains(row[0], "*no test") {
			t.Errorf("fault %d has neither a test nor a reason", i+1)
		}
	}
	if len(rows) != 60 {
		t.Errorf("there are %d faults, want 60", len(rows))
	}
}

// defined says whether a package has a test of that name.
func defined(t *testing.T, pkg, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}

// scripted says whether the test data of a package has a script, or inputs, of that name.
func scripted(pkg, name string) bool {
	found, _ := filepath.Glob(filepath.Join("..", pkg, "testdata", "*", name+".t*xt*")) // the pattern is good
	return len(found) > 0
}
