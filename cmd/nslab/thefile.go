package main

import (
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"nslab/lab"
)

// fileFlag is for what a person has learned of kubectl and others.
var fileFlag = &cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "the lab `FILE`, for those used to kubectl"}

// fileArgument is FILE, given as an argument or with -f, or the only one here.
func fileArgument(s streams, c *cli.Context) (string, error) {
	if f := c.String("file"); f != "" {
		return f, arguments(c, 0, 0, "no argument beside -f FILE")
	}
	files, err := fileArguments(s, c, false)
	if err != nil {
		return "", err
	}
	return files[0], nil
}

// compileArgument reads FILE and plans it.
func compileArgument(s streams, c *cli.Context) (*lab.Source, *lab.Plan, error) {
	file, err := fileArgument(s, c)
	if err != nil {
		return nil, nil, err
	}
	return compile(s, c, file)
}

// fileArguments are the files of the command line: one, or any number. When
// there are none, it is the only file of this directory whose name says that it is a lab.
func fileArguments(s streams, c *cli.Context, many bool) ([]string, error) {
	if os.Getenv(sourceFD) != "" { // it was read, and comes by another way
		return []string{c.Args().First()}, nil
	}
	var here []string
	if !c.Args().Present() {
		here = labFiles()
	}
	switch {
	case len(here) == 1:
		note(s, c, "taking %s, the only lab file here", here[0])
		return here, nil
	case len(here) > 1:
		return nil, hint(usage("nslab %s: which one? here are %s", c.Command.Name, join(here)), "nslab "+c.Command.Name+" "+here[0])
	}
	if many {
		return c.Args().Slice(), arguments(c, 1, -1, "a FILE or more, such as red-blue.yaml")
	}
	return c.Args().Slice(), arguments(c, 1, 1, "a FILE, such as red-blue.yaml (nslab scenario list)")
}

// labFiles are the files of this directory whose names say that they are labs.
func labFiles() []string {
	var out []string
	for _, pattern := range []string{"nslab.yaml", "nslab.yml", "*.nslab.yaml", "*.nslab.yml"} {
		found, _ := filepath.Glob(pattern) // the pattern is good
		out = append(out, found...)
	}
	return out
}
