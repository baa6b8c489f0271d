package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"nslab/lab/show"
	"nslab/topology"
)

// outputFlag is -o with the formats of a command, the first being the default.
func outputFlag(formats ...string) cli.Flag {
	return oneOf(&cli.StringFlag{
		Name: "output", Aliases: []string{"o"}, Usage: "`FORMAT` of the result: " + strings.Join(formats, ", "),
	}, formats)
}

// oneOf makes a flag one whose value is among words, the first if it is not given.
func oneOf(f *cli.StringFlag, words []string) cli.Flag {
	f.Value = words[0]
	f.Action = func(c *cli.Context, got string) error {
		said := dashed(f.Name)
		if len(f.Aliases) > 0 {
			said = dashed(f.Aliases[0])
		}
		if v, set := os.LookupEnv(f.EnvVars[0]); set && v == got {
			said = f.EnvVars[0]
		}
		switch {
		case slices.Contains(words, got):
			return nil
		case got == "" && said == f.EnvVars[0]: // a variable that is there and empty says nothing
			return c.Set(f.Name, words[0])
		}
		return usage("%s %s: it is one of %s", said, topology.Quote(got), strings.Join(words, ", "))
	}
	return choice{f, words}
}

// choice is a flag whose values are known, for completion to offer them.
type choice struct {
	*cli.StringFlag
	values []string
}

// note is a sentence for a person: on stderr, not with --quiet.
func note(s streams, c *cli.Context, format string, args ...any) {
	if !c.Bool("quiet") {
		fmt.Fprintln(s.err, printable(fmt.Sprintf(format, args...)))
	}
}

// printable is a text of some lines as a terminal may have it, wherever it is
// from: names of what others have made, answers of servers, words of a file.
func printable(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = topology.Printable(l)
	}
	return strings.Join(lines, "\n")
}

func printJSON(w io.Writer, v any) error { return show.Document(w, v) }

func join(words []string) string { return strings.Join(words, ", ") }

// terminal says whether w is one.
func terminal(w io.Writer) bool {
	f, ok := fileOf(w)
	return ok && term.IsTerminal(int(f.Fd()))
}

// screen says whether w is a terminal on which a line can be drawn again.
func screen(w io.Writer) bool { return terminal(w) && !dumb() }

// dumb terminals know no escape sequences, see terminfo(5).
func dumb() bool { return os.Getenv("TERM") == "dumb" }

func fileOf(w io.Writer) (*os.File, bool) {
	if o, ok := w.(*output); ok {
		w = o.w
	}
	f, ok := w.(*os.File)
	return f, ok
}

// maxWidth is as much as an eye follows in one line, and what is taken where
// there is no terminal to ask.
const maxWidth = 88

// width is how many columns a line on w may have.
func width(w io.Writer) int {
	f, ok := fileOf(w)
	if !ok {
		return maxWidth
	}
	n, _, err := term.GetSize(int(f.Fd()))
	if err != nil || n <= 0 || n > maxWidth {
		return maxWidth
	}
	return n
}

// output remembers that something could not be written. A full disk must not
// change what happens to a lab, but the exit status tells of it.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	_, err := o.w.Write(b)
	if err != nil && o.err == nil && !errors.Is(err, syscall.EPIPE) { // `| head -1` has read enough
		o.err = err
	}
	return len(b), nil
}

// lost is the error for what could not be written.
func (o *output) lost() error {
	if o.err == nil {
		return nil
	}
	return &codeError{exitBuild, fmt.Errorf("the output is not complete: %w", o.err)}
}

// colored says whether w takes colours: a terminal, unless the user or the
// environment (no-color.org, TERM=dumb) says no.
func colored(c *cli.Context, w io.Writer) bool {
	if c.Bool("no-color") || os.Getenv("NO_COLOR") != "" || dumb() {
		return false
	}
	return terminal(w) || os.Getenv("FORCE_COLOR") != ""
}

// style is how pages of package show look on s.out.
func style(s streams, c *cli.Context) show.Style {
	st := show.Style{Lang: language(c)}
	if !colored(c, s.out) {
		return st
	}
	paint := func(cs ...text.Color) func(string) string {
		return func(s string) string { return text.Colors(cs).Sprint(s) }
	}
	st.Heading, st.Good, st.Bad = paint(text.Bold), paint(text.FgGreen), paint(text.FgRed)
	st.Changed, st.Faint = paint(text.FgYellow), paint(text.Faint)
	return st
}
