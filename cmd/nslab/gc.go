package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/lab/sandbox"
	"nslab/topology"
)

func gcCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:  "gc",
		Usage: "remove what is left of labs whose state is lost",
		Description: `Looks for what nslab has made here and no lab knows any more: its directory
was deleted, or the machine has crashed. Each thing is known by the mark that
nslab gave it when it made it (an interface by its address and group, a
namespace by the alias of its lo, a rule by its comment), never by its name.
Lists them, asks, and removes exactly them. A lab that nslab list shows is not
touched. Exit status 0 when nothing is left, 5 when something is.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "only list"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
			outputFlag("text", "json"),
		},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0, "no argument"); err != nil {
				return err
			}
			return gc(s, c)
		},
	}
}

// leftover is an orphan and what became of it.
type leftover struct {
	lab.Orphan
	Removed bool   `json:"removed"`
	Error   string `json:"error,omitempty"`
}

func gc(s streams, c *cli.Context) error {
	found, err := leftovers()
	if err != nil {
		return err
	}
	dry, ask := c.Bool("dry-run"), !c.Bool("yes")
	text := c.String("output") == "text"
	switch {
	case len(found) == 0:
		if text {
			fmt.Fprintln(s.out, "nothing is left of any lab")
		}
	case text && (dry || ask):
		printLeftovers(s, found)
	}
	sure := !dry && len(found) > 0 && (!ask || agreed(s, len(found)))
	var errs []error
	for i := range found {
		if sure {
			errs = append(errs, found[i].collect(s, text))
		}
	}
	if !dry && (sure || len(found) == 0) && sandbox.Rooted() {
		errs = append(errs, lab.Tidy(lab.StateDir))
	}
	if !text {
		errs = append(errs, printJSON(s.out, found))
	}
	if err := errors.Join(errs...); err != nil {
		return &codeError{exitBuild, err}
	}
	if len(found) > 0 && !sure {
		return status(exitDifferent)
	}
	return nil
}

// leftovers are those of labs on this host, for root, and this user's sandboxes.
func leftovers() ([]leftover, error) {
	found := []leftover{}
	var orphans []lab.Orphan
	_, inside := sandbox.Inside()
	if sandbox.Rooted() || inside {
		var err error
		if orphans, err = lab.Orphans(lab.StateDir); err != nil {
			return nil, err
		}
	}
	for _, o := range orphans {
		found = append(found, leftover{Orphan: o})
	}
	if inside {
		return found, nil
	}
	dead, err := deadSandboxes()
	return append(found, dead...), err
}

// deadSandboxes are the directories of sandboxes whose holder is gone.
func deadSandboxes() ([]leftover, error) {
	root, err := sandbox.Root()
	if err != nil {
		return nil, err
	}
	_, names, err := sandbox.Look()
	var found []leftover
	for _, name := range names {
		found = append(found, leftover{Orphan: lab.NewOrphan("sandbox", root+"/"+name, "its holder is gone", func() error {
			_, err := sandbox.Find(name) // which removes what a dead one has left
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			return err
		})})
	}
	return found, err
}

// collect removes one and says so.
func (l *leftover) collect(s streams, text bool) error {
	err := l.Remove()
	if err != nil {
		l.Error = err.Error()
		return err
	}
	l.Removed = true
	if text {
		fmt.Fprintf(s.out, "%s %s deleted\n", l.Kind, topology.Quote(l.Name))
	}
	return nil
}

func printLeftovers(s streams, found []leftover) {
	t := newTable(s)
	t.AppendHeader(table.Row{"WHAT", "NAME", "KNOWN BY"})
	for _, l := range found {
		t.AppendRow(table.Row{l.Kind, topology.Quote(l.Name), topology.Quote(l.Mark)})
	}
	t.Render()
}

// agreed asks a person. Where there is none, nobody agrees.
func agreed(s streams, n int) bool {
	if !terminal(s.err) || !terminal(s.in) {
		fmt.Fprintln(s.err, "nobody is there to ask: nslab gc --yes removes them")
		return false
	}
	fmt.Fprintf(s.err, "remove these %d things? [y/N] ", n)
	answer, _ := bufio.NewReader(s.in).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
