package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nslab/lab/plugins"
	"nslab/lab/show"
)

func cniTrace(s streams, c *cli.Context) error {
	args := c.Args().Slice()[1:]
	switch {
	case args[0] == "install" && len(args) == 2:
		names, err := plugins.StandIns(args[1], plugins.SearchPath())
		if err != nil {
			return &codeError{exitCannot, err}
		}
		fmt.Fprintf(s.out, "stand-ins for %s created in %s\n", strings.Join(names, ", "), args[1])
		return nil
	case args[0] == "show" && len(args) == 2:
		if _, err := os.Stat(args[1]); err != nil {
			return &codeError{exitUsage, err}
		}
		return showCalls(s, c, args[1])
	case args[0] == "--" && len(args) > 1:
		return traced(s, c, args[1:])
	}
	return usage("nslab cni trace: it wants -- CMD..., install DIR, or show DIR")
}

// traced runs a command with stand-ins in CNI_PATH and then shows their calls.
// The exit status is the command's.
func traced(s streams, c *cli.Context, argv []string) (err error) {
	dir, err := os.MkdirTemp("", "nslab-cni-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if _, err := plugins.StandIns(dir, plugins.SearchPath()); err != nil {
		return err
	}
	path, err := lookUp(argv[0])
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(c.Context, path)
	cmd.Args = argv
	cmd.Env = append(slices.Clone(os.Environ()), "CNI_PATH="+dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.in, s.out, s.err
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = status(exit.ExitCode())
	}
	return errors.Join(showCalls(s, c, dir), err)
}

func showCalls(s streams, c *cli.Context, dir string) error {
	calls, err := plugins.Calls(dir)
	if err != nil {
		return err
	}
	if len(calls) == 0 {
		fmt.Fprintln(s.err, "no plugin was called")
	}
	return show.Calls(s.out, calls, style(s, c))
}
