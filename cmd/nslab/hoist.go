package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nslab/topology"
)

// hoist puts flags before arguments. urfave/cli v2 stops looking for flags at
// the first argument, so that `nslab apply FILE --to STEP` would apply
// everything and say nothing (urfave/cli #976). Flags of nslab itself go
// before the command, so that they too may be typed anywhere.
//
// A first word that is no command is refused here, with the one that was meant.
func hoist(app *cli.App, args []string) ([]string, error) {
	h := hoister{app: app}
	for i := 1; i < len(args); i++ {
		i += h.take(args, i)
	}
	if h.cmd == nil && len(h.rest) > 0 && !strings.HasPrefix(h.rest[0], "-") && !h.strange {
		return nil, unknownCommand(app, h.rest[0])
	}
	if h.help {
		return append(append([]string{args[0]}, h.name...), "--help"), nil
	}
	if h.wanting != "" {
		return nil, usage("%s needs a value", h.wanting)
	}
	out := append([]string{args[0]}, h.global...)
	out = append(out, h.name...)
	out = append(out, h.flags...)
	return append(out, h.rest...), nil
}

type hoister struct {
	app                       *cli.App
	cmd                       *cli.Command
	global, name, flags, rest []string
	closed                    bool   // the rest belongs to somebody else
	help                      bool   // --help was asked for, whatever else was
	strange                   bool   // there is a flag that nobody knows: the library says so
	wanting                   string // the last word, when it is a flag without its value
}

// take sorts one word and returns how many words after it went along.
func (h *hoister) take(args []string, i int) int {
	a := args[i]
	switch {
	case h.closed:
		h.rest = append(h.rest, a)
	case a == "--":
		h.closed = true
		h.rest = append(h.rest, a)
	case len(a) > 1 && a[0] == '-':
		return h.flag(args, i)
	case h.cmd == nil && a == "help" && !h.help: // nslab help apply is nslab apply --help
		h.help = true
	case h.cmd == nil:
		h.cmd = h.app.Command(a)
		if h.cmd == nil {
			h.closed = true
			h.rest = append(h.rest, a)
			return 0
		}
		h.name = append(h.name, a)
	default:
		h.rest = append(h.rest, a)
		h.closed = slices.Contains(passesOn, h.cmd.Name)
	}
	return 0
}

// passesOn are the commands whose first argument ends nslab's own flags.
var passesOn = []string{"exec"}

// addedFlags are the flags that the command-line library adds.
var addedFlags = []string{"help", "h", "version"}

func (h *hoister) flag(args []string, i int) int {
	name, _, hasValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
	h.help = h.help || name == "help" || name == "h"
	to := &h.flags
	f := h.find(h.cmdFlags(), name)
	if f == nil {
		if f = h.find(h.app.Flags, name); f != nil || h.cmd == nil {
			to = &h.global
		}
	}
	if f == nil && h.cmd == nil { // nslab -o json list
		if f = h.ofSome(name); f != nil {
			to = &h.flags
		}
	}
	h.strange = h.strange || f == nil && !slices.Contains(addedFlags, name)
	*to = append(*to, args[i])
	if _, isBool := f.(*cli.BoolFlag); f == nil || isBool || hasValue {
		return 0
	}
	if i+1 == len(args) {
		h.wanting = args[i] // it must not swallow an argument from before it
		return 0
	}
	*to = append(*to, args[i+1])
	return 1
}

func (h *hoister) cmdFlags() []cli.Flag {
	if h.cmd == nil {
		return nil
	}
	return h.cmd.Flags
}

// ofSome is the flag of that name of the first command that has one.
func (h *hoister) ofSome(name string) cli.Flag {
	for _, c := range h.app.Commands {
		if f := h.find(c.Flags, name); f != nil {
			return f
		}
	}
	return nil
}

func (h *hoister) find(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if first, aliases, _ := flagParts(f); name == first || slices.Contains(aliases, name) {
			return f
		}
	}
	return nil
}

func unknownCommand(app *cli.App, name string) error {
	if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		return hint(usage("%q is no command", name), "nslab apply "+name)
	}
	var names []string
	for _, c := range app.Commands {
		names = append(names, c.Name)
	}
	return hint(usage("%s", topology.Unknown("command", name, names)), "nslab --help says what each does")
}

// arguments checks how many arguments a command was given; a flag that is left
// among them was typed after "--" or is unknown.
func arguments(c *cli.Context, least, most int, what string) error {
	for _, a := range c.Args().Slice() {
		if len(a) > 1 && a != "--" && strings.HasPrefix(a, "-") {
			return usage("unknown flag %s: nslab %s --help lists them", a, c.Command.Name)
		}
	}
	switch n := c.NArg(); {
	case n < least:
		return usage("nslab %s: which one? it wants %s", c.Command.Name, what)
	case most >= 0 && n > most:
		return usage("nslab %s: %q is too much; it wants %s", c.Command.Name, c.Args().Get(most), what)
	}
	return nil
}
