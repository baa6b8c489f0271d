package docs_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/kerneltest"
)

func TestMain(m *testing.M) { os.Exit(kerneltest.Main(m)) }

// block is a fenced block of a page.
type block struct{ lang, text, skip string }

var fence = regexp.MustCompile("(?ms)(?:^<!-- not run: ([^>]*) -->\n\n?)?^```([a-z]+)\n(.*?)^```$")

func blocks(t *testing.T, page string) []block {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	for _, m := range fence.FindAllStringSubmatch(string(b), -1) {
		out = append(out, block{lang: m[2], text: m[3], skip: m[1]})
	}
	return out
}

// named returns the file name in the first line of a block, and the rest.
func (b block) named() (name, rest string) {
	first, rest, _ := strings.Cut(b.text, "\n")
	for _, mark := range []string{"// ", "# "} {
		if n, ok := strings.CutPrefix(first, mark); ok && strings.Contains(n, ".") && !strings.Contains(n, " ") {
			return n, rest
		}
	}
	return "", ""
}

// TestAddingAKind holds adding-a-kind.md to the source: its files are those of
// the tree, its lines are in the tables, and its commands do what it says.
func TestAddingAKind(t *testing.T) {
	kerneltest.Need(t)
	page := blocks(t, "adding-a-kind.md")
	dir := t.TempDir()
	build(t, dir)
	tables := []string{"lab/op/kinds.go", "lab/op/encode.go", "lab/doctor/trials.go"}
	for _, b := range page {
		name, text := b.named()
		switch b.lang {
		case "yaml":
			write(t, filepath.Join(dir, name), text)
		case "go":
			if diff := cmp.Diff(source(t, name), text); diff != "" {
				t.Errorf("%s (-source +page):\n%s", name, diff)
			}
		case "diff":
			added(t, tables[0], b.text)
			tables = tables[1:]
		}
		console(t, dir, b, map[string]string{"go test": "go test -count=1"})
	}
}

func source(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// added makes sure that the lines of a diff stand in a file, below each other.
func added(t *testing.T, path, diff string) {
	t.Helper()
	var lines strings.Builder
	for line := range strings.Lines(diff) {
		lines.WriteString(line[1:])
	}
	if n := strings.Count(source(t, path), lines.String()); n != 1 {
		t.Errorf("%s has these lines %d times:\n%s", path, n, lines.String())
	}
}

// TestConsole runs the commands of the other pages.
func TestConsole(t *testing.T) {
	kerneltest.Need(t)
	dir := t.TempDir()
	build(t, dir)
	for _, page := range []string{"../README.md", "../CONTRIBUTING.md", "architecture.md", "lessons.md", "cni.md", "cni-cnm.md"} {
		t.Run(filepath.Base(page), func(t *testing.T) {
			for _, b := range blocks(t, page) {
				if name, text := b.named(); b.lang == "yaml" && name != "" {
					write(t, filepath.Join(dir, name), text)
				}
				console(t, dir, b, nil)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// build makes dir/nslab.
func build(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command: ", err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "nslab"), "nslab/cmd/nslab")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

// console runs the commands of a block, each with the output that follows it
// on the page. A line of three dots there stands for any number of lines.
func console(t *testing.T, dir string, b block, swap map[string]string) {
	t.Helper()
	if b.lang != "console" || b.skip != "" {
		return
	}
	for part := range strings.SplitSeq("\n"+b.text, "\n$ ") {
		line, want, _ := strings.Cut(strings.TrimPrefix(part, "\n"), "\n")
		if line == "" {
			continue
		}
		at := dir
		for old, changed := range swap {
			if rest, ok := strings.CutPrefix(line, old); ok {
				line, at = changed+rest, ".."
			}
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
		cmd.Dir, cmd.Env = at, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "LANG=C.UTF-8")
		out, err := cmd.CombinedOutput() // as on a terminal
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if !matches(string(out), want) {
			t.Errorf("$ %s: %v\n(-page +now)\n%s", line, err, cmp.Diff(timeless(want), timeless(string(out))))
		}
	}
}

var (
	durations = regexp.MustCompile(`\d+(\.\d+)? ?(µs|ms|s)\b`)
	spaces    = regexp.MustCompile(` {2,}`)
)

// timeless is text without what differs from run to run.
func timeless(s string) string {
	s = durations.ReplaceAllString(strings.TrimSpace(s), "TIME")
	return strings.ReplaceAll(spaces.ReplaceAllString(s, "  "), " \n", "\n")
}

func matches(got, want string) bool {
	parts := strings.Split(timeless(want), "...")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	ok, err := regexp.MatchString(`(?s)\A`+strings.Join(parts, ".*?")+`\z`, timeless(got))
	return ok && err == nil
}
