package main

import (
	"bytes"
	"fmt"

	"github.com/urfave/cli/v2"

	"nslab/lab/discover"
	"nslab/topology"
)

func discoverCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:  "discover",
		Usage: "what is on this machine, in the words of the lecture",
		Description: `Reads, and changes nothing: every network namespace (also the hidden ones of
containers, of programs, and those that other mount namespaces have names for),
which end of a cable belongs to which, bridges and their ports, addresses, routes,
rules of iptables, published ports, tunnels, hosts files, and what Docker or podman
call it. Root sees all of it, an ordinary user what the kernel allows; what could
not be seen is said on stderr.
   nslab discover -o yaml > mine.yaml && nslab test mine.yaml
builds the same shape in a sandbox; programs are not copied. What the grammar has
no word for, and what was not seen, is named in a comment. In the terminal of "nslab shell" it reads the lab.`,
		Flags: []cli.Flag{outputFlag("table", "json", "yaml", "mermaid", "dot")},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0, "no argument"); err != nil {
				return err
			}
			m, err := discover.Read(c.Context, discover.Sources{})
			if err != nil {
				return err
			}
			for _, line := range m.NotSeen() {
				note(s, c, "%s", line)
			}
			return printFound(s, c, m)
		},
	}
}

func printFound(s streams, c *cli.Context, m *discover.Machine) error {
	switch c.String("output") {
	case "json":
		return printJSON(s.out, m)
	case "yaml":
		return printLab(s, c, m)
	case "mermaid":
		return m.WriteMermaid(s.out)
	case "dot":
		return m.WriteDot(s.out)
	}
	printTables(s, m)
	return nil
}

// printLab writes the lab file, and says where nslab itself would refuse it: a
// real machine may do what a lesson may not.
func printLab(s streams, c *cli.Context, m *discover.Machine) error {
	var text bytes.Buffer
	if err := m.WriteLab(&text); err != nil {
		return err
	}
	if _, err := topology.Parse(topology.Source{Name: "<stdout>", Text: text.Bytes()}, nil); err != nil {
		note(s, c, "nslab would not build this file as it is:\n%v", err)
	}
	_, err := s.out.Write(text.Bytes())
	return err
}

// who says what a namespace is, besides its name.
func who(n *discover.Namespace) string {
	var words []string
	if n.Name == topology.Host {
		return "where nslab runs"
	}
	if n.Container != nil {
		words = append(words, "container "+topology.Quote(n.Container.Name))
	}
	for _, p := range n.Paths {
		words = append(words, topology.Quote(p))
	}
	switch few := n.Processes; {
	case len(few) == 1:
		words = append(words, fmt.Sprintf("%s (%d)", topology.Quote(few[0].Comm), few[0].Pid))
	case len(few) > 1:
		words = append(words, fmt.Sprintf("%s (%d) and %d more", topology.Quote(few[0].Comm), few[0].Pid, len(few)-1))
	}
	return join(words)
}
