package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestVariables looks at every flag: each has a variable, or is among those that
// must be typed.
func TestVariables(t *testing.T) {
	t.Parallel()
	app := newApp(streams{out: io.Discard, err: io.Discard})
	flags := slices.Clone(app.Flags)
	for _, c := range app.Commands {
		flags = append(flags, c.Flags...)
	}
	for _, f := range flags {
		name := f.Names()[0]
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok {
			t.Fatalf("--%s tells nothing of itself", name)
		}
		var want []string
		if !slices.Contains(typedOnly, name) {
			want = []string{"NSLAB_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))}
		}
		if got := doc.GetEnvVars(); !slices.Equal(got, want) {
			t.Errorf("--%s is set by %v, want %v", name, got, want)
		}
	}
}
