package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nslab/lab/show"
)

// reportFile is one --report. It is opened before the first test, as nobody
// wants to hear after all of them that there is no such directory.
type reportFile struct {
	format string
	file   *os.File
}

func reportFlags(c *cli.Context) ([]reportFile, error) {
	var out []reportFile
	for _, r := range c.StringSlice("report") {
		format, path, ok := strings.Cut(r, "=")
		if _, known := testFormats[format]; !ok || !known || path == "" {
			return nil, usage("--report %s: it is FORMAT=PATH, FORMAT being text, json, junit, tap or github", r)
		}
		f, err := os.Create(path)
		if err != nil {
			return nil, usage("--report: %w", err)
		}
		out = append(out, reportFile{format, f})
	}
	return out, nil
}

func (r reportFile) write(files []show.File) error {
	err := both(writeTest(r.file, r.format, files, show.Style{}), r.file.Close())
	if err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return nil
}

// testFormats are the renderings of a test.
var testFormats = map[string]func(io.Writer, []show.File) error{
	"text": nil, "json": show.JSON, "junit": show.JUnit, "tap": show.TAP, "github": show.GitHub,
}

// reportFormats are what a --report may begin with.
func reportFormats() []string {
	var out []string
	for _, f := range slices.Sorted(maps.Keys(testFormats)) {
		out = append(out, f+"=")
	}
	return out
}

func writeTest(w io.Writer, format string, files []show.File, st show.Style) error {
	if f := testFormats[format]; f != nil {
		return f(w, files)
	}
	return show.Text(w, files, st)
}
