package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"nslab/scenarios"
	"nslab/topology"
)

func scenarioCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:      "scenario",
		Usage:     "the built-in lessons: list them, show one",
		ArgsUsage: "list | show NAME",
		Description: `Every command that wants a FILE takes the name of a built-in lesson as well:
   nslab scenario show red-blue > mine.yaml    is the start of a lesson of your own`,
		Flags: []cli.Flag{outputFlag("text", "name", "json")},
		Action: func(c *cli.Context) error {
			switch verb := c.Args().First(); {
			case verb == "list" || verb == "":
				if err := arguments(c, 0, 1, "list, or show NAME"); err != nil {
					return err
				}
				return scenarioList(s, c)
			case verb == "show" && c.NArg() == 1:
				return hint(usage("nslab scenario show: which one?"), join(scenarios.Names()))
			case verb == "show":
				if err := arguments(c, 2, 2, "show NAME"); err != nil {
					return err
				}
				return scenarioShow(s, c.Args().Get(1))
			default:
				what := "nslab scenario list"
				if slices.Contains(scenarios.Names(), strings.TrimSuffix(verb, ".yaml")) {
					what = "nslab scenario show " + verb
				}
				return hint(usage("nslab scenario %s: it is list or show NAME", topology.Quote(verb)), what)
			}
		},
	}
}

func scenarioShow(s streams, name string) error {
	text, err := scenarios.Read(name)
	if err != nil {
		return hint(usage("no scenario is called %q%s", name, meant(name, scenarios.Names())), "nslab scenario list shows them")
	}
	_, err = s.out.Write(text)
	return err
}

type scenarioLine struct {
	Name  string   `json:"name"`
	Title string   `json:"title"`
	Steps []string `json:"steps"`
}

func scenarioList(s streams, c *cli.Context) error {
	var lines []scenarioLine
	for _, name := range scenarios.Names() {
		_, p, err := compile(s, c, name)
		if err != nil {
			return err
		}
		lines = append(lines, scenarioLine{name, p.Topology.Title.In(language(c)), p.Names()})
	}
	switch c.String("output") {
	case "json":
		return printJSON(s.out, lines)
	case "name":
		for _, l := range lines {
			fmt.Fprintln(s.out, l.Name)
		}
		return nil
	}
	t := newTable(s)
	t.AppendHeader(table.Row{"NAME", "STEPS", "TITLE"})
	for _, l := range lines {
		t.AppendRow(table.Row{l.Name, len(l.Steps), l.Title})
	}
	t.Render()
	return nil
}
