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
		name, _, vars := flagParts(f)
		if vars != nil && !slices.Contains(typedOnly, name) {
			*vars = []string{"NSLAB_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))}
		}
	}
}

// flagParts are the names of a flag and the variables that set it; vars is nil for
// a kind of flag that nslab does not have. The library's own Names puts a regular
// expression to each name, and every start asks all flags.
func flagParts(f cli.Flag) (name string, aliases []string, vars *[]string) {
	switch f := f.(type) {
	case *cli.BoolFlag:
		return f.Name, f.Aliases, &f.EnvVars
	case *cli.StringFlag:
		return f.Name, f.Aliases, &f.EnvVars
	case choice:
		return f.Name, f.Aliases, &f.EnvVars
	case *cli.StringSliceFlag:
		return f.Name, f.Aliases, &f.EnvVars
	}
	names := f.Names()
	return names[0], names[1:], nil
}
