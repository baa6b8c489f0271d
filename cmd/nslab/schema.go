package main

import (
	"github.com/urfave/cli/v2"

	"nslab/docs"
)

func schemaCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:  "schema",
		Usage: "print the JSON schema of lab files, for editors",
		Description: `The first line of a lab file may name it, and an editor with a YAML language
server then completes and checks:
   # yaml-language-server: $schema=nslab.schema.json`,
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0, "no argument"); err != nil {
				return err
			}
			_, err := s.out.Write(docs.Schema)
			return err
		},
	}
}
