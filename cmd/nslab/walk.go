package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"nslab/lab"
	"nslab/lab/probe"
	"nslab/lab/show"
)

func walkCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:      "walk",
		Usage:     "the lecture at your own pace: story, command, Enter, result",
		ArgsUsage: "FILE",
		Description: `Tells every step of a lab, shows the commands a person would type, does them
when you press Enter, and asks the probes. q and Ctrl-C leave; the lab stays as
it is. A lab of that name that stands already is taken down first, when you agree.`,
		Flags: []cli.Flag{
			fileFlag,
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not wait for Enter"},
			&cli.StringFlag{Name: "from", Usage: "begin at `STEP`, with everything before it built"},
			&cli.StringFlag{Name: "to", Usage: "end after `STEP`"},
			hostFlag, commandsFlag,
			proveFlag("print this machine first, for destroy --prove to compare with"),
		},
		Action: func(c *cli.Context) error { return walk(s, c) },
	}
}

func walk(s streams, c *cli.Context) error {
	src, p, err := compileArgument(s, c)
	if err != nil {
		return err
	}
	if err := checkSpan(p, c.String("from"), c.String("to")); err != nil {
		return err
	}
	if !c.Bool("yes") && !term.IsTerminal(int(s.in.Fd())) {
		return hint(usage("nslab walk waits for Enter, and standard input is no terminal"), "nslab walk --yes does not wait")
	}
	return onHost(c, src, p, func() error { return walkHere(s, c, src, p) })
}

// checkSpan refuses steps that are none, and an end before the beginning.
func checkSpan(p *lab.Plan, from, to string) error {
	for _, step := range []string{from, to} {
		if step != "" && p.Index(step) < 0 {
			return noStep(p, step)
		}
	}
	if from != "" && to != "" && p.Index(from) > p.Index(to) {
		return hint(usage("--from %s comes after --to %s", from, to), "its steps: "+join(p.Names()))
	}
	return nil
}

func walkHere(s streams, c *cli.Context, src *lab.Source, p *lab.Plan) error {
	before, err := printMachine(c, p)
	if err != nil {
		return err
	}
	w := &walker{s: s, c: c, p: p, src: src, before: before, in: bufio.NewReader(s.in), lang: language(c), width: width(s.out)}
	err = w.walk()
	if errors.Is(err, context.Canceled) {
		err = interruptedLab(p.Name(), w.stands)
	}
	if !w.stands {
		return both(err, before.drop())
	}
	return err
}

// walker tells a lab to one learner. It has the lab only while it works on it:
// at the prompt the lab is free for what the learner types in another terminal.
type walker struct {
	s      streams
	c      *cli.Context
	p      *lab.Plan
	src    *lab.Source
	before *proving
	in     *bufio.Reader
	lang   string
	width  int

	at     string // the step the lab stands at
	stands bool   // there is something of it
}

var errLeft = errors.New("left")

func (w *walker) walk() error {
	failed, err := w.stages()
	if err != nil && !errors.Is(err, errLeft) {
		return err
	}
	fmt.Fprintln(w.s.err)
	noteStanding(w.s, w.c, w.p.Name(), w.at, "")
	if failed {
		return status(exitFailed)
	}
	return nil
}

func (w *walker) stages() (failed bool, err error) {
	first, last := 0, len(w.p.Stages)-1
	if from := w.c.String("from"); from != "" {
		first = w.p.Index(from)
	}
	if to := w.c.String("to"); to != "" {
		last = w.p.Index(to)
	}
	if err := w.begin(first); err != nil {
		return false, err
	}
	for i := first; i <= last; i++ {
		bad, err := w.stage(i)
		if err != nil {
			return failed, err
		}
		failed = failed || bad
	}
	return failed, nil
}

// begin clears the ground, as a lecture begins at the beginning, and builds
// everything before the first step that is told. A lab that stands is taken
// down only when the learner has agreed.
func (w *walker) begin(first int) error {
	if err := w.withLab(w.mayBegin); err != nil {
		return err
	}
	if w.stands {
		fmt.Fprintf(w.s.err, w.say(standsAlready)+"\n", w.p.Name(), w.at)
		if err := w.enter(beginAgain); err != nil {
			return err
		}
		if err := w.withLab(func(l *lab.Lab) error { return l.Destroy(nil) }); err != nil {
			return err
		}
	}
	if first == 0 {
		fmt.Fprintln(w.s.out)
		return show.Prose(w.s.out, w.p.Topology.Title, w.p.Topology.Explain, w.lang, w.width)
	}
	_, err := w.apply(first-1, lab.Options{NoVerify: true})
	return err
}

func (w *walker) mayBegin(l *lab.Lab) error {
	old, _ := lab.Kept(lab.StateDir, l.Name)
	return both(sameFile(l, w.src, old), preflight(w.p, l))
}

// withLab has the lab for f, and remembers how it stands after that.
func (w *walker) withLab(f func(*lab.Lab) error) error {
	return withLab(w.c.Context, w.p.Name(), func(l *lab.Lab) error {
		defer func() { w.at, w.stands = standing(l, w.p) }()
		return f(l)
	})
}

// apply builds up to stage i.
func (w *walker) apply(i int, o lab.Options) (r *lab.Report, err error) {
	stood := w.stands
	err = w.withLab(func(l *lab.Lab) error {
		if stood && len(l.Journal.Have) == 0 {
			return &codeError{exitBuild, &goneError{l.Name}}
		}
		old, _ := lab.Kept(lab.StateDir, l.Name)
		if err := keep(l, w.src, old); err != nil {
			return err
		}
		if !stood {
			if err := w.before.keep(); err != nil {
				return err
			}
		}
		l.Kernel.AllowCommands = w.c.Bool("allow-commands")
		o.To = w.p.Stages[i].Name.Text
		r, err = l.Apply(w.c.Context, w.p, o)
		return err
	})
	return r, err
}

// stage tells step i, waits, does it, and shows what the probes say.
func (w *walker) stage(i int) (failed bool, err error) {
	s := &w.p.Stages[i]
	fmt.Fprintln(w.s.out)
	if err := show.Story(w.s.out, s, w.lang, w.width); err != nil {
		return false, err
	}
	w.commands(w.p.Change(i))
	if err := w.enter(doIt); err != nil {
		return false, err
	}
	r, err := w.apply(i, lab.Options{})
	if r == nil || err != nil && !errors.Is(err, context.Canceled) {
		return false, err
	}
	skipUnasked(w.c.Context, r)
	for _, sr := range r.Stages {
		if sr.Stage == s {
			w.results(sr.Results)
		}
	}
	return r.Failed(), err
}

func (w *walker) commands(c lab.Change) {
	fmt.Fprintln(w.s.out)
	for _, s := range c.ByHand() {
		w.command(s.Op.Inverse().String())
	}
	for _, s := range c.Add {
		w.command(s.Op.Command().String())
	}
}

func (w *walker) command(text string) {
	if text != "" {
		fmt.Fprintln(w.s.out, "    "+strings.ReplaceAll(printable(text), "\n", "\n    "))
	}
}

func (w *walker) results(rs []probe.Result) {
	for _, r := range rs {
		if r.Message == notAsked {
			continue
		}
		if cmd := r.Assertion.Probe.Command(); len(cmd) > 0 {
			fmt.Fprintf(w.s.out, "    $ %s\n", cmd)
		}
		printResult(w.s.out, r, w.lang, colored(w.c, w.s.out))
	}
}
