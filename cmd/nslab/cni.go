package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"nslab/lab/cni"
)

func cniCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:      "cni",
		Usage:     "nslab as a plugin of container runtimes (CNI)",
		ArgsUsage: "install DIR",
		Description: `install makes DIR/` + cni.Plugin + `, a link to this program. DIR is where the runtime
looks for plugins: /opt/cni/bin, /usr/lib/cni, or what its configuration says.
A network is then one file, for instance /etc/cni/net.d/10-nslab.conflist:
   {"cniVersion": "1.0.0", "name": "nslab", "plugins": [
     {"type": "` + cni.Plugin + `", "bridge": "nsl0", "isGateway": true, "ipMasq": true,
      "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.66.0.0/24"}]],
               "routes": [{"dst": "0.0.0.0/0"}]}}]}`,
		Action: func(c *cli.Context) error {
			switch verb := c.Args().First(); verb {
			case "install":
				if err := arguments(c, 2, 2, "install DIR"); err != nil {
					return err
				}
				return cniInstall(s, c.Args().Get(1))
			case "":
				return arguments(c, 2, 2, "install DIR")
			default:
				return hint(usage("nslab cni %s: it is install DIR", verb), "nslab cni --help")
			}
		},
	}
}

func cniInstall(s streams, dir string) error {
	path, err := cni.Install(dir)
	if err != nil {
		return &codeError{exitCannot, err}
	}
	fmt.Fprintf(s.out, "%s created\n", path)
	return nil
}
