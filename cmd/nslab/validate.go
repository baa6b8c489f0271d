package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/topology"
)

func validateCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:        "validate",
		Usage:       "check files without a kernel and without rights",
		ArgsUsage:   "FILE...",
		Description: "Reads every file and reports all of its mistakes as file:line:column.",
		Flags:       []cli.Flag{hostFlag},
		Action: func(c *cli.Context) error {
			files, err := fileArguments(s, c, true)
			if err != nil {
				return err
			}
			var errs []error
			for _, f := range files {
				errs = append(errs, validate(s, c, f))
			}
			return errors.Join(errs...)
		},
	}
}

func validate(s streams, c *cli.Context, file string) error {
	_, p, err := compile(s, c, file)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: valid: lab %s, %d steps, %d facts, %d checks\n",
		topology.Quote(file), p.Name(), len(p.Stages), len(p.Facts(len(p.Stages)-1)), checks(p))
	return nil
}

func checks(p *lab.Plan) int {
	n := 0
	for _, s := range p.Stages {
		n += len(s.Checks)
	}
	return n
}
