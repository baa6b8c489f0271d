// Package scenarios holds the lessons: lab files that are built into the
// program, so that they can be named where no file of that name lies.
package scenarios

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

//go:embed *.yaml
var files embed.FS

const ext = ".yaml"

// Names lists the scenarios, sorted, without ".yaml".
func Names() []string {
	found, err := fs.Glob(files, "*"+ext)
	if err != nil {
		return nil // only a bad pattern can fail, and this one is good
	}
	for i, f := range found {
		found[i] = strings.TrimSuffix(f, ext)
	}
	return found
}

// Read returns the text of a scenario, named with or without ".yaml". The
// error for a name that is none wraps fs.ErrNotExist and offers the nearest.
func Read(name string) ([]byte, error) {
	base := strings.TrimSuffix(name, ext)
	text, err := files.ReadFile(base + ext)
	if err == nil {
		return text, nil
	}
	if near := nearest(base); near != "" {
		return nil, fmt.Errorf("no scenario is called %q, did you mean %q? (%w)", name, near, fs.ErrNotExist)
	}
	return nil, fmt.Errorf("no scenario is called %q: there are %s (%w)",
		name, strings.Join(Names(), ", "), fs.ErrNotExist)
}

// nearest returns the scenario whose name is nearly the last part of name,
// "" when none is.
func nearest(name string) string {
	name = strings.ToLower(path.Base(name))
	best, found := utf8.RuneCountInString(name)/3+2, ""
	for _, n := range Names() {
		if d := distance(name, n); d < best {
			best, found = d, n
		}
	}
	return found
}

// distance is how many runes must be put in, left out or replaced to make b
// out of a (Levenshtein).
func distance(a, b string) int {
	to := []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range []rune(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j, c := range to {
			change := diagonal
			if r != c {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
