package main

import (
	"errors"
	"io/fs"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/lab/sandbox"
	"nslab/topology"
)

// labLine is a lab as `nslab list` shows it.
type labLine struct {
	lab.Summary
	Host string `json:"host"` // sandbox or machine
	Pid  int    `json:"pid,omitempty"`
}

func listCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "the labs on this machine",
		Flags: []cli.Flag{outputFlag("text", "json", "name")},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0, "no argument"); err != nil {
				return err
			}
			lines, err := labLines()
			if err != nil {
				return err
			}
			return printLabs(s, c, lines)
		},
	}
}

func labLines() ([]labLine, error) {
	lines := []labLine{}
	names, err := lab.List(lab.StateDir)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	for _, n := range names {
		sum, err := lab.Summarize(lab.StateDir, n)
		if err != nil {
			sum = lab.Summary{Name: n, Step: "unreadable: " + err.Error()}
		}
		lines = append(lines, labLine{Summary: sum, Host: "machine"})
	}
	boxes, err := sandbox.List()
	for _, b := range boxes {
		sum, serr := lab.Summarize(b.Path(lab.StateDir), b.Name)
		switch {
		case errors.Is(serr, fs.ErrPermission):
			sum = lab.Summary{Name: b.Name, Step: "hidden: started in another user namespace"}
		case serr != nil:
			sum = lab.Summary{Name: b.Name, Step: "-"}
		}
		lines = append(lines, labLine{sum, "sandbox", b.Pid})
	}
	return lines, err
}

func printLabs(s streams, c *cli.Context, lines []labLine) error {
	switch c.String("output") {
	case "json":
		return printJSON(s.out, lines)
	case "name":
		for _, l := range lines {
			if _, err := s.out.Write([]byte(l.Name + "\n")); err != nil {
				return err
			}
		}
		return nil
	}
	if len(lines) == 0 {
		note(s, c, "no lab is up; nslab apply red-blue.yaml builds one")
		return nil
	}
	t := newTable(s)
	t.AppendHeader(table.Row{"LAB", "STEP", "HOST", "FACTS"})
	for _, l := range lines {
		step := l.Step
		if l.Half {
			step += " (half done: apply goes on, destroy removes)"
		}
		t.AppendRow(table.Row{l.Name, topology.Printable(step), l.Host, l.Facts})
	}
	t.Render()
	return nil
}

func newTable(s streams) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(s.out)
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Box.PaddingLeft = ""
	t.Style().Box.PaddingRight = "   "
	return t
}
