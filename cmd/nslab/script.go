package main

import (
	"github.com/urfave/cli/v2"

	"nslab/lab/show"
)

func scriptCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:      "script",
		Usage:     "the lab as a POSIX script that runs without nslab",
		ArgsUsage: "FILE",
		Description: `Prints the same lab as commands of ip, iptables and sysctl. Run it as root in an
empty private namespace, not on a machine you need:
   nslab script red-blue > lab.sh
   unshare -n -m sh -c 'mount -t tmpfs tmpfs /run; sh lab.sh; ip netns'`,
		Flags: []cli.Flag{
			fileFlag,
			&cli.StringFlag{Name: "to", Usage: "stop after `STEP`"},
			&cli.BoolFlag{Name: "teardown", Usage: "the script that takes it down"},
			hostFlag,
		},
		Action: func(c *cli.Context) error {
			_, p, err := compileArgument(s, c)
			if err != nil {
				return err
			}
			to, err := lastStage(c, p)
			if err != nil {
				return err
			}
			if c.Bool("teardown") {
				return show.Teardown(s.out, p, to)
			}
			return show.Script(s.out, p, to)
		},
	}
}
