package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// typedOnly are the flags that no variable sets: a forgotten one would destroy
// what nobody has spoken of, or stand against the FILE that was typed.
var typedOnly = []string{"all", "force", "file"}

// variables lets every other flag be set by the environment, --no-verify by
// NSLAB_NO_VERIFY: in CI the command line is often somebody else's.
func variables(flags []cli.Flag) {
	for _, f := range flags {
		name := f.Names()[0]
		if slices.Contains(typedOnly, name) {
			continue
		}
		vars := []string{"NSLAB_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))}
		switch f := f.(type) {
		case *cli.BoolFlag:
			f.EnvVars = vars
		case *cli.StringFlag:
			f.EnvVars = vars
		case choice:
			f.EnvVars = vars
		case *cli.StringSliceFlag:
			f.EnvVars = vars
		case *cli.IntFlag:
			f.EnvVars = vars
		case *cli.DurationFlag:
			f.EnvVars = vars
		}
	}
}
