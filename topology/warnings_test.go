package topology_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nslab/topology"
)

// TestWarnings reads files that are legal and surely not meant.
func TestWarnings(t *testing.T) {
	t.Parallel()
	for _, path := range yamlFiles(t, "testdata/doubtful") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			lab, err := parse(t, path)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, path, warned(lab))
		})
	}
}

func warned(lab *topology.Topology) string {
	var b strings.Builder
	for _, w := range lab.Warnings {
		b.WriteString(w.Error() + "\n")
	}
	return b.String()
}

// TestLessonsAreNotWarned: what a lesson does is meant.
func TestLessonsAreNotWarned(t *testing.T) {
	t.Parallel()
	for _, path := range append(yamlFiles(t, "../scenarios"), yamlFiles(t, "../scenarios/broken")...) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lab, err := topology.Parse(topology.Source{Name: filepath.Base(path), Text: text}, beside("../scenarios"))
		if err != nil {
			t.Fatal(err)
		}
		if w := warned(lab); w != "" {
			t.Errorf("%s:\n%s", path, w)
		}
	}
}

// TestMistakesComeFirst: of a file that cannot be built nothing is guessed.
func TestMistakesComeFirst(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/doubtful/masquerade.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lab, err := topology.Parse(topology.Source{Name: "lab.yaml", Text: append(text, "bridges: {lo: {}}\n"...)}, nil)
	if err == nil || lab == nil || lab.Warnings != nil {
		t.Errorf("%v, warnings %v", err, lab)
	}
}
