package main

import (
	"fmt"
	"path/filepath"
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
