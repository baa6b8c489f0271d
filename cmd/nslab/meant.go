package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nslab/scenarios"
	"nslab/topology"
)

// meant asks whether one of the known words was meant; "" when none is like it.
func meant(got string, known []string) string {
	if like := topology.Nearest(got, known); like != "" {
		return fmt.Sprintf(", did you mean %q?", like)
	}
	return ""
}

// meantFile is the file, or the built-in lab, that was probably meant.
func meantFile(file string) string {
	dir, base := filepath.Split(file)
	var known []string
	for _, ending := range []string{".yaml", ".yml"} {
		found, _ := filepath.Glob(dir + "*" + ending) // a directory with * in its name helps nobody here
		for _, f := range found {
			if f == file+ending {
				return f
			}
			known = append(known, filepath.Base(f))
		}
	}
	if like := topology.Nearest(base, known); like != "" {
		return dir + like
	}
	if dir == "" {
		return topology.Nearest(strings.TrimSuffix(base, ".yaml"), scenarios.Names())
	}
	return ""
}

// How many labs of a directory are named, among so many files of so many bytes.
const labsNamed, labsRead, labsBytes = 5, 50, 100 << 10

// labsIn are the files of a directory that describe a lab, perhaps one with mistakes.
func labsIn(dir string) (labs []string) {
	files, _ := os.ReadDir(dir) // none: none can be named
	files = slices.DeleteFunc(files, func(f fs.DirEntry) bool {
		ext := filepath.Ext(f.Name())
		fi, err := f.Info()
		return ext != ".yaml" && ext != ".yml" || err != nil || !fi.Mode().IsRegular() || fi.Size() > labsBytes
	})
	for _, f := range files[:min(labsRead, len(files))] {
		path := filepath.Join(dir, f.Name())
		if describesLab(path) {
			labs = append(labs, topology.Quote(path))
		}
	}
	return labs
}

func describesLab(path string) bool {
	text, err := readLimited(path)
	if err != nil {
		return false
	}
	t, err := topology.Parse(topology.Source{Name: path, Text: text}, openBeside)
	return err == nil || t != nil && slices.ContainsFunc(t.Steps, func(s topology.Step) bool { return len(s.State.Namespaces) > 0 })
}

// noDirectory tells what to name in the place of a directory.
func noDirectory(err error, dir string) error {
	labs := labsIn(dir)
	switch {
	case len(labs) == 0:
		return hint(fmt.Errorf("%w; want a file, and none of its *.yaml is a lab", err), "nslab scenario list shows the built-in labs")
	case len(labs) == 1:
		return fmt.Errorf("%w; want a file, did you mean %s?", err, labs[0])
	}
	return fmt.Errorf("%w; want a file, such as %s", err, join(labs[:min(labsNamed, len(labs))]))
}
