package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"nslab/lab/doctor"
	"nslab/lab/sandbox"
	"nslab/topology"
)

func doctorCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "what this kernel and this user can do, and what is in the way",
		Description: `Looks at this machine, and tries what a lab needs in a sandbox of its own, which
it takes away again. What is ok works; a note may surprise you one day; what is
missing keeps labs from being built. Under a note and under what is missing is
what helps: commands, most of them for root.
Exit status 3 when something is missing.`,
		Flags: []cli.Flag{outputFlag("text", "json")},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0, "no argument"); err != nil {
				return err
			}
			if name, ok := sandbox.Inside(); ok && strings.HasPrefix(name, "doctor-") {
				return printJSON(s.out, doctor.Sandbox())
			}
			found, err := examined()
			if err != nil {
				return err
			}
			return diagnosed(s, c, found)
		},
	}
}

// examined are the findings of the machine, and of a sandbox where one can be had.
func examined() ([]doctor.Finding, error) {
	found := doctor.Machine()
	b, err := sandbox.StartThrowaway(fmt.Sprintf("doctor-%d", os.Getpid()))
	if err != nil {
		return append(found, doctor.NotStarted(err, sandbox.Refused(err))), nil
	}
	defer func() { _ = b.Kill() }()
	inside, err := foundInside(b)
	return append(append(found, doctor.Started(b.Notes)), inside...), err
}

// foundInside runs this command again in the sandbox and reads what it found.
func foundInside(b *sandbox.Sandbox) ([]doctor.Finding, error) {
	out, err := memory()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	code, err := b.RunCommand(sandbox.Command{
		Argv:  []string{"/proc/self/exe", "doctor", "-o", "json"},
		Env:   os.Environ(),
		Files: []*os.File{os.Stdin, out, os.Stderr},
	})
	if err != nil {
		return nil, err
	}
	var found []doctor.Finding
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(out).Decode(&found); err != nil {
		return nil, &codeError{exitCannot, fmt.Errorf("the doctor in the sandbox said nothing (exit status %d): %w", code, err)}
	}
	return found, nil
}

func diagnosed(s streams, c *cli.Context, found []doctor.Finding) error {
	if err := printFindings(s, c, found); err != nil {
		return err
	}
	if !doctor.Healthy(found) {
		return status(exitCannot)
	}
	return nil
}

// readable is the width of a sentence in a table. Commands are not wrapped:
// they are copied.
const readable = 88

func printFindings(s streams, c *cli.Context, found []doctor.Finding) error {
	if c.String("output") == "json" {
		return printJSON(s.out, found)
	}
	t := newTable(s)
	t.SuppressTrailingSpaces()
	for _, f := range found {
		found := topology.Printable(f.Found)
		if terminal(s.out) {
			found = text.WrapSoft(found, readable)
		}
		t.AppendRow(table.Row{string(f.State), f.What, found})
		for _, r := range f.Remedy {
			t.AppendRow(table.Row{"", "", "  " + topology.Printable(r)})
		}
	}
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 1, WidthMin: 7}, {Number: 2, WidthMin: 25}})
	t.Render()
	return nil
}
