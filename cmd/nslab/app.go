package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/topology"
)

// streams are what a command talks to: results go to out, progress, notes and
// questions to err.
type streams struct {
	in       *os.File
	out, err io.Writer
}

const description = `nslab builds the networks of the lecture on Linux network namespaces from a
YAML file, with real kernel objects, one step at a time, proves each step with
a ping that must (or must not) be answered, and takes everything down again.

   nslab apply red-blue.yaml      build the whole lecture, every step proved
   nslab shell                    look around: ip netns, ip -n red link, ping ...
   nslab walk red-blue            the same at your own pace, with the story
   nslab destroy red-blue         and it is gone

FILE is a path, - for standard input, or the name of a built-in scenario
(nslab scenario list); where there is none, it is the only nslab.yaml or
*.nslab.yaml of this directory. No root is needed: a lab lives in a sandbox
unless its file says "host: machine". Flags may also be variables: NSLAB_TO=cable
is --to cable.

EXIT STATUS
` + exitHelp

func newApp(s streams) *cli.App {
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version"} // -v is --verbose
	return &cli.App{
		Name:                      "nslab",
		Usage:                     "learn and test Linux networking with real kernel objects",
		Description:               description,
		Version:                   version(),
		Writer:                    s.out,
		ErrWriter:                 s.err,
		Reader:                    s.in,
		HideHelpCommand:           true,
		Suggest:                   true,
		UseShortOptionHandling:    true,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              usageProblem,
		Action:                    noCommand,
		Flags:                     globalFlags(),
		Commands:                  commands(s),
	}
}

func commands(s streams) []*cli.Command {
	cs := []*cli.Command{
		applyCommand(s), destroyCommand(s), verifyCommand(s), testCommand(s),
		planCommand(s), scriptCommand(s), statusCommand(s), listCommand(s),
		execCommand(), shellCommand(s), walkCommand(s), validateCommand(s),
		scenarioCommand(s), doctorCommand(s), discoverCommand(s), gcCommand(s), cniCommand(s), schemaCommand(s), completionCommand(s), versionCommand(s),
	}
	for _, c := range cs {
		c.OnUsageError = usageProblem
		c.HideHelpCommand = true
		variables(c.Flags)
	}
	return cs
}

func globalFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "only results and errors"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "every fact with its command"},
		&cli.BoolFlag{Name: "no-color", Usage: "no colours, also with NO_COLOR"},
		choice{&cli.StringFlag{Name: "lang", Usage: "language of the lessons: `en` or ko"}, shipped},
	}
	variables(flags)
	return flags
}

// run is the whole program but for the process around it.
func run(args []string, s streams) int {
	// Pressing TAB after "--" must never run the command (urfave/cli #1993).
	if last := len(args) - 1; args[last] == completeFlag {
		if !slices.Contains(args, "--") {
			complete(s, newApp(s), args[1:last])
		}
		return exitOK
	}
	out := &output{w: s.out}
	s.out = out
	app := newApp(s)
	heed(app)
	args, err := hoist(app, args)
	if err == nil {
		err = app.Run(args)
	}
	return report(s, errors.Join(err, out.lost()))
}

// heed has a command end in order when a signal asks it to, from the moment
// it begins: --version and --help have nothing to put in order, and signals for
// exec are those of its program. It is never undone: a signal that comes twice,
// to the group and passed on by the nslab outside, must not end the one inside
// before it has said its last word.
func heed(app *cli.App) {
	app.Before = func(c *cli.Context) error {
		if c.Args().First() == "exec" {
			return nil
		}
		signal.Ignore(syscall.SIGPIPE) // `nslab apply | head -1` must not die half way
		c.Context, _ = signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		return nil
	}
}

// report prints an error the way every command does, and returns its exit status.
func report(s streams, err error) int {
	if err == nil {
		return exitOK
	}
	var mistake *topology.Error
	if _, gone := errors.AsType[*goneError](err); gone && terminal(s.err) {
		fmt.Fprintln(s.err) // who was killed has left its line unfinished
	}
	switch text := printable(strings.TrimSpace(err.Error())); { // silent errors join as empty lines
	case text == "":
	case text == context.Canceled.Error():
		fmt.Fprintln(s.err, "nslab: interrupted")
	case errors.As(err, &mistake): // file:line:col first, as editors and CI look for it
		fmt.Fprintln(s.err, text)
		fmt.Fprintln(s.err, "nslab: nothing was touched")
	default:
		fmt.Fprintln(s.err, "nslab: "+strings.ReplaceAll(text, "\n", "\n       "))
	}
	if hinted, ok := errors.AsType[*hintError](err); ok {
		for _, h := range hinted.hints {
			fmt.Fprintln(s.err, "  hint: "+printable(h))
		}
	}
	if h := scarcity(err); h != "" {
		fmt.Fprintln(s.err, "  hint: "+h)
	}
	if errors.Is(err, lab.ErrDamaged) {
		fmt.Fprintln(s.err, "  hint: rm -r the lab's directory named above, then: nslab gc removes what carries the lab's marks")
	}
	return exitCode(err)
}

func noCommand(c *cli.Context) error {
	if c.Args().Present() {
		return unknownCommand(c.App, c.Args().First())
	}
	_ = cli.ShowAppHelp(c)
	return usage("which command? nslab apply red-blue.yaml is a good start")
}

func usageProblem(c *cli.Context, err error, _ bool) error {
	where := "nslab --help"
	if c.Command != nil && c.Command.Name != "" && c.Command.Name != "nslab" {
		where = "nslab " + c.Command.Name + " --help"
	}
	msg := err.Error()
	if name, ok := strings.CutPrefix(msg, "flag provided but not defined: -"); ok {
		msg = "unknown flag " + dashed(name) + meant(dashed(name), flagNames(append(c.App.Flags, c.Command.Flags...)))
	}
	return hint(usage("%s", msg), where+" lists the flags")
}

// dashed is a flag as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
