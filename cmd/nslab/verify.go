package main

import (
	"fmt"
	"os"
	"sync"

	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/lab/probe"
	"nslab/lab/sandbox"
)

func verifyCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "ask again the probes of the step the lab stands at",
		ArgsUsage: "[FILE|LAB]",
		Flags:     []cli.Flag{commandsFlag, outputFlag("text", "json")},
		Action: func(c *cli.Context) error {
			return onLab(s, c, 1, func(name string) error { return verify(s, c, name) })
		},
	}
}

// decided names the environment variable that tells a command inside a sandbox
// which lab it is about: the FILE may lead elsewhere there, or was read.
const decided = "NSLAB_DECIDED"

// onLab runs f on the host of the lab that the first argument is about: here,
// or by running this command again inside the lab's sandbox.
func onLab(s streams, c *cli.Context, most int, f func(name string) error) error {
	if err := arguments(c, 0, most, "a FILE or a LAB"); err != nil {
		return err
	}
	if name := os.Getenv(decided); name != "" {
		return f(name)
	}
	name, err := nameOf(s, c.Args().First())
	if err != nil && err != errNoLab { //nolint:errorlint // the sentinel itself
		return err
	}
	name, b, err := find(name)
	if err != nil {
		return err
	}
	if b != nil {
		return inSandbox(b, nil, decided+"="+name)
	}
	return f(name)
}

// planned plans a lab from the files it was applied from, for the host that this
// process runs on, whatever --host said against the file.
func planned(src *lab.Source) (*lab.Plan, error) {
	t, err := src.Parse()
	if err != nil {
		return nil, err
	}
	_, inside := sandbox.Inside()
	return lab.Compile(t, !inside)
}

// aside is how many bytes a lab file has that is read beside the journal: a shorter
// one is read before another thread has begun.
const aside = 16 << 10

func verify(s streams, c *cli.Context, name string) error {
	src, err := lab.Kept(lab.StateDir, name)
	if err != nil {
		return fmt.Errorf("what %s was built from: %w", name, err)
	}
	plan := sync.OnceValues(func() (*lab.Plan, error) { return planned(src) })
	if len(src.Files[src.Name]) > aside {
		go func() { _, _ = plan() }()
	}
	return withLab(c.Context, name, func(l *lab.Lab) error {
		p, err := plan()
		if err != nil {
			return err
		}
		if err := checkLanguage(c, p); err != nil {
			return err
		}
		return verifyLab(s, c, p, l)
	})
}

func verifyLab(s streams, c *cli.Context, p *lab.Plan, l *lab.Lab) error {
	l.Kernel.AllowCommands = c.Bool("allow-commands")
	results, err := l.Verify(c.Context, p, func(probe.Result) {})
	if err != nil {
		return err
	}
	if err := c.Context.Err(); err != nil { // half of the answers are none
		return err
	}
	if len(results) == 0 {
		return usage("step %s of %s has nothing to verify", l.Journal.At, l.Name)
	}
	if err := printVerify(s, c, l, results); err != nil {
		return err
	}
	if lab.Failed(results) {
		return status(exitFailed)
	}
	return nil
}

func printVerify(s streams, c *cli.Context, l *lab.Lab, results []probe.Result) error {
	if c.String("output") == "json" {
		return printJSON(s.out, struct {
			Lab    string      `json:"lab"`
			Step   string      `json:"step"`
			Checks []checkJSON `json:"checks"`
		}{l.Name, l.Journal.At, checksJSON(results)})
	}
	fmt.Fprintf(s.out, "%s at step %s\n", l.Name, l.Journal.At)
	printResults(s.out, results, language(c), colored(c, s.out))
	return nil
}
