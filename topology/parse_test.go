package topology_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nslab/topology"
)

// nothing is an Opener that finds no file.
func nothing(name, _ string) (topology.Source, error) {
	return topology.Source{Name: name}, fs.ErrNotExist
}

// star returns a lab of n namespaces around one bridge.
func star(n int) []byte {
	var b strings.Builder
	b.WriteString("name: star\nbridges: {br0: {addresses: [10.255.255.254/8]}}\nnamespaces:\n")
	for i := range n {
		fmt.Fprintf(&b, "  n%d: {gateway: 10.255.255.254}\n", i)
	}
	b.WriteString("links:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - endpoints: [\"n%d:eth0 10.%d.%d.1/8\", \"br0:p%d\"]\n", i, i/250, i%250, i)
	}
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			src := topology.Source{Name: "star.yaml", Text: star(n)}
			for b.Loop() {
				if _, err := topology.Parse(src, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestWorkGrowsWithTheFile counts memory, which a busy machine does not
// change: ten times the lab must not take much more than ten times of it.
func TestWorkGrowsWithTheFile(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts what parallel tests do, too
	allocations := func(n int) float64 {
		src := topology.Source{Name: "star.yaml", Text: star(n)}
		return testing.AllocsPerRun(1, func() {
			if _, err := topology.Parse(src, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
	if small, large := allocations(100), allocations(1000); large > 13*small {
		t.Errorf("100 namespaces take %.0f allocations, 1000 take %.0f", small, large)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"bytes", strings.Repeat("#", 1<<20+1), "lab.yaml:1:1: the file has 1048577 bytes, the limit is 1048576"},
		{
			"keys and values", "namespaces: {red: {}}\nsteps: [" + strings.Repeat("a,", 20000) + "]",
			"lab.yaml:1:1: the lab has 20008 keys and values, the limit is 20000",
		},
		{"depth", strings.Repeat("[", 1<<19), "lab.yaml:1:1: nested deeper than 32 levels"},
		{
			"steps", "steps: [" + strings.Repeat("{namespaces: {red: {}}},", 101) + "]",
			"lab.yaml:1:2409: steps: the lab has 101 steps, the limit is 100",
		},
		{
			"mistakes", "namespaces: {red: {}}\nlinks:\n" + strings.Repeat("  - {}\n", 1000),
			"lab.yaml:1:1: 1000 mistakes: the first 200 are shown",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := topology.Parse(topology.Source{Name: "lab.yaml", Text: []byte(tt.text)}, nil)
			if err == nil {
				t.Fatal("no error")
			}
			got, _, _ := strings.Cut(err.Error(), "\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("first error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryLabIsUsableBesideItsMistakes(t *testing.T) {
	t.Parallel()
	lab, err := topology.Parse(topology.Source{Name: "lab.yaml", Text: []byte("namespaces: {red: {gateway: 10.0.0.1}}\nfoo: 1\n")}, nil)
	if err == nil || lab == nil || len(lab.Steps) != 1 || len(lab.Steps[0].State.Namespaces) != 1 {
		t.Fatalf("got %+v and %v", lab, err)
	}
	var one *topology.Error
	if !errors.As(err, &one) || one.Pos.Line != 1 {
		t.Errorf("the first mistake is %v", one)
	}
}

func TestNameOfTheFileNamesTheLab(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"labs/two-rooms.yaml": "two-rooms", "-": "lab", "": "lab", "<stdin>": "lab", "x.yml": "x",
	} {
		lab, err := topology.Parse(topology.Source{Name: file, Text: []byte("namespaces: {red: {}}")}, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(want, lab.Name.Text); diff != "" {
			t.Errorf("name of %q (-want +got):\n%s", file, diff)
		}
	}
}

func TestIncludedFilesOfAnIncludeThatIncludesMany(t *testing.T) {
	t.Parallel()
	opened := 0
	open := func(name, _ string) (topology.Source, error) {
		opened++
		return topology.Source{Name: strconv.Itoa(opened), Text: []byte("include: [a, b, c]")}, nil
	}
	_, err := topology.Parse(topology.Source{Name: "lab.yaml", Text: []byte("include: a")}, open)
	if err == nil || opened > 64 {
		t.Errorf("%d files were opened, %v", opened, err)
	}
}

// FuzzParse looks for panics, for mistakes without a place in the file, and
// for files that take long.
func FuzzParse(f *testing.F) {
	for _, dir := range []string{"testdata/bad", "testdata/good", "../scenarios"} {
		files, err := filepath.Glob(dir + "/*.yaml")
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		begin := time.Now()
		lab, err := topology.Parse(topology.Source{Name: "lab.yaml", Text: text}, nothing)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		if err == nil && lab == nil {
			t.Error("neither a lab nor an error")
		}
		if err != nil {
			placed(t, err, 1+strings.Count(string(text), "\n"))
		}
	})
}

// placed makes sure that every mistake is in the file and printable.
func placed(t *testing.T, err error, lines int) {
	t.Helper()
	var many interface{ Unwrap() []error }
	if !errors.As(err, &many) {
		t.Fatalf("not a list: %v", err)
	}
	for _, err := range many.Unwrap() {
		one, ok := errors.AsType[*topology.Error](err)
		if !ok {
			t.Errorf("no place: %v", err)
		} else if one.Pos.Line < 1 || one.Pos.Line > lines || one.Pos.Col < 1 {
			t.Errorf("not in the file of %d lines: %v", lines, err)
		}
	}
}
