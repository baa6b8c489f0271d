package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/lab/op"
	"nslab/lab/sandbox"
	"nslab/lab/show"
)

func planCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "each fact as the command a person would type; what exists already is marked",
		ArgsUsage: "FILE",
		Flags: []cli.Flag{
			fileFlag,
			&cli.StringFlag{Name: "to", Usage: "stop after `STEP`"},
			hostFlag,
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit status 5 when apply would change something"},
			outputFlag("text", "json"),
		},
		Action: func(c *cli.Context) error { return plan(s, c) },
	}
}

func plan(s streams, c *cli.Context) error {
	src, p, err := compileArgument(s, c)
	if err != nil {
		return err
	}
	to, err := lastStage(c, p)
	if err != nil {
		return err
	}
	if _, inside := sandbox.Inside(); !inside && !p.Machine {
		if b, err := sandbox.Find(p.Name()); err == nil {
			return inSandbox(b, src) // only there can be seen what exists
		}
	}
	marks, err := marks(c.Context, p)
	if err != nil {
		return err
	}
	mark := func(st lab.Step) string { return marks[st.Op] }
	if c.String("output") == "json" {
		err = show.PlanJSON(s.out, p, 0, to, mark)
	} else {
		err = show.Plan(s.out, p, 0, to, mark, style(s, c))
	}
	if err == nil && c.Bool("detailed-exitcode") && changes(p.Facts(to), marks) {
		return status(exitDifferent)
	}
	return err
}

func lastStage(c *cli.Context, p *lab.Plan) (int, error) {
	to := c.String("to")
	if to == "" {
		return len(p.Stages) - 1, nil
	}
	if i := p.Index(to); i >= 0 {
		return i, nil
	}
	return 0, noStep(p, to)
}

const exists = "exists"

// marks says of every fact that the lab has made whether it is still true.
func marks(ctx context.Context, p *lab.Plan) (map[op.Op]string, error) {
	out := map[op.Op]string{}
	if !lab.Exists(lab.StateDir, p.Name()) {
		return out, nil
	}
	err := withLab(ctx, p.Name(), func(l *lab.Lab) error {
		drifts, err := l.Status()
		for _, st := range l.Journal.Have {
			out[st.Op] = exists
		}
		for _, d := range drifts {
			out[d.Step.Op] = "drifted: " + d.Diff
		}
		return err
	})
	return out, err
}

func changes(facts []lab.Step, marks map[op.Op]string) bool {
	for _, st := range facts {
		if marks[st.Op] != exists {
			return true
		}
	}
	return false
}
