package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/lab/op"
	"nslab/lab/show"
)

func statusCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "the facts that are not true now, and the command that mends each",
		ArgsUsage: "[LAB]",
		Description: `Compares every fact of a lab with the kernel. Exit status 0 when all are true,
5 when some are not.`,
		Flags: []cli.Flag{outputFlag("text", "json")},
		Action: func(c *cli.Context) error {
			return onLab(s, c, 1, func(name string) error {
				return withLab(c.Context, name, func(l *lab.Lab) error { return labStatus(s, c, l) })
			})
		},
	}
}

func labStatus(s streams, c *cli.Context, l *lab.Lab) error {
	drifts, err := l.Status()
	if err != nil {
		return err
	}
	sum := lab.Summary{Name: l.Name, Step: l.Journal.At, Facts: len(l.Journal.Have), Half: l.Journal.Open}
	labs := []show.Standing{{Summary: sum, Drift: drifts}}
	if c.String("output") == "json" {
		err = show.StatusJSON(s.out, labs)
	} else {
		err = show.Status(s.out, labs, style(s, c))
	}
	if err == nil && len(drifts) > 0 {
		note(s, c, "%s", advice(drifts))
		return status(exitDifferent)
	}
	return err
}

// advice says what will mend the drift. What is not the lab's own, apply leaves
// alone; its line says how to make way.
func advice(drifts []lab.Drift) string {
	foreign := slices.ContainsFunc(drifts, func(d lab.Drift) bool { return op.IsForeign(d.Diff) })
	if foreign {
		return "what this lab did not make is in the way: make room as the line says, then nslab apply mends the rest"
	}
	return "nslab apply mends them all"
}
