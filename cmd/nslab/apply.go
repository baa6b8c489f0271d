package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/lab/sandbox"
	"nslab/topology"
)

var hostFlag = choice{
	&cli.StringFlag{Name: "host", Usage: "where the lab stands: `sandbox` or machine; the file's word when not given"},
	[]string{topology.Sandbox, topology.Machine},
}

var commandsFlag = &cli.BoolFlag{Name: "allow-commands", Usage: "let the file run programs (services and probes of kind command)"}

func applyCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:      "apply",
		Aliases:   []string{"up"},
		Usage:     "build a lab, step by step, each step proved",
		ArgsUsage: "FILE",
		Description: `Builds what FILE says and asks its probes after every step. Applying again
mends what has drifted, goes on where --to had stopped, and brings the lab to
a file that has changed. What the kernel refuses is taken back; a check that
fails leaves the lab as it is, to look around in: nslab shell.`,
		Flags: []cli.Flag{
			fileFlag,
			&cli.StringFlag{Name: "to", Usage: "stop after `STEP`"},
			hostFlag,
			&cli.BoolFlag{Name: "no-verify", Usage: "build only, ask nothing"},
			proveFlag("print this machine first, for destroy --prove to compare with"),
			commandsFlag, outputFlag("text", "json"), progressFlag(),
		},
		Action: func(c *cli.Context) error { return apply(s, c) },
	}
}

func apply(s streams, c *cli.Context) error {
	src, p, err := compileArgument(s, c)
	if err != nil {
		return err
	}
	if to := c.String("to"); to != "" && p.Index(to) < 0 {
		return noStep(p, to)
	}
	return onHost(c, src, p, func() error { return applyHere(s, c, src, p) })
}

// onHost runs build on the host that a lab is to stand on: this one, or, by
// running this command again, its sandbox.
func onHost(c *cli.Context, src *lab.Source, p *lab.Plan, build func() error) error {
	_, inside := sandbox.Inside()
	if err := needRoot("host: machine"); err != nil && p.Machine && !inside {
		return err
	}
	if err := notElsewhere(p); err != nil {
		return err
	}
	if err := lab.Needs(p); err != nil {
		return err
	}
	if !p.Machine && !inside {
		return applySandbox(c, p.Name(), src)
	}
	return build()
}

func noStep(p *lab.Plan, to string) error {
	return hint(usage("%s has no step %q%s", p.Name(), to, meant(to, p.Names())), "its steps: "+join(p.Names()))
}

// applySandbox runs the command again inside the lab's sandbox, which it makes
// when there is none, and takes away again when no lab came of it.
func applySandbox(c *cli.Context, name string, src *lab.Source) error {
	b, err := inItsSandbox(c, name, src)
	if b != nil && lab.Missing(b.Path(lab.StateDir), name) {
		err = errors.Join(err, endSandbox(b))
	}
	return err
}

func inItsSandbox(c *cli.Context, name string, src *lab.Source) (*sandbox.Sandbox, error) {
	b, err := sandbox.Find(name)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = inNewSandbox(c, name, src)
		if b != nil || !errors.Is(err, fs.ErrExist) {
			return b, err
		}
		b, err = sandbox.Find(name) // another command was faster
	}
	if err != nil {
		return nil, err
	}
	return b, inSandbox(b, src)
}

func applyHere(s streams, c *cli.Context, src *lab.Source, p *lab.Plan) error {
	before, err := printMachine(c, p)
	if err != nil {
		return err
	}
	return withLab(c.Context, p.Name(), func(l *lab.Lab) error {
		defer before.dropUnless(l)
		if err := preflight(p, l); err != nil {
			return err
		}
		old, _ := lab.Kept(lab.StateDir, l.Name)
		if err := errors.Join(keep(l, src, old), before.keep()); err != nil {
			return err
		}
		l.Kernel.AllowCommands = c.Bool("allow-commands")
		o := lab.Options{To: c.String("to"), NoVerify: c.Bool("no-verify"), Observer: newProgress(s, c, p)}
		r, err := l.Apply(c.Context, p, o)
		if _, refused := errors.AsType[*lab.BuildError](err); refused && old != nil {
			err = errors.Join(err, l.Keep(old)) // the lab stands as the old file has it
		}
		return applied(s, c, p, l, r, err)
	})
}

// applied says what became of an apply and what can be done next.
func applied(s streams, c *cli.Context, p *lab.Plan, l *lab.Lab, r *lab.Report, err error) error {
	if errors.Is(err, context.Canceled) {
		err = interrupted(l)
	}
	if c.String("output") == "json" && r != nil {
		skipUnasked(c.Context, r)
		if jerr := printApply(s, p, l, r, err); jerr != nil {
			return jerr
		}
	}
	switch {
	case err != nil:
		return err
	case r.Failed():
		noteStanding(s, c, p.Name(), l.Journal.At, ", where a check failed")
		return status(exitFailed)
	}
	noteStanding(s, c, p.Name(), l.Journal.At, "")
	return nil
}
