package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"nslab/lab/cni"
	"nslab/lab/plugins"
	"nslab/topology"
)

// cniVerbs are the words after `nslab cni`: how each is called, how many
// arguments it wants (at most), and what does it.
var cniVerbs = map[string]struct {
	usage       string
	least, most int
	run         func(streams, *cli.Context) error
}{
	"add":     {"add NETWORK NS", 3, 3, cniAdd},
	"del":     {"del NETWORK NS", 3, 3, cniDel},
	"check":   {"check NETWORK NS", 3, 3, cniCheck},
	"status":  {"status NETWORK", 2, 2, cniStatus},
	"gc":      {"gc NETWORK", 2, 2, cniGC},
	"install": {"install DIR", 2, 2, cniInstall},
	"trace":   {"trace -- CMD..., trace install DIR or trace show DIR", 2, -1, cniTrace},
}

const cniWords = "add, del, check NETWORK NS; status, gc NETWORK; install DIR; or trace"

const cniHelp = `As a runtime, nslab calls the plugins of a network for a namespace, here where it
is typed (in a lab: nslab shell, then nslab cni):
   ip netns add c1
   nslab cni add lab.conflist c1       ADD: prints what the plugins answer
   nslab cni check lab.conflist c1     CHECK: is it still so?
   nslab cni del lab.conflist c1       DEL, as often as you like
   nslab cni status lab.conflist       STATUS: could ADD be served?
   nslab cni gc lab.conflist           DEL for namespaces that are gone, then GC
NETWORK is a file, the name of a network in NETCONFPATH (/etc/cni/net.d), or the
JSON itself. NS is a name of ip netns, or a path. Plugins are looked for in CNI_PATH,
else in /opt/cni/bin and /usr/lib/cni; bridge, portmap, firewall and, for bridge,
host-local and static are built in.

As a plugin: install makes DIR/` + cni.Plugin + `, a link to this program. DIR is where a
runtime looks for plugins. A network is then one file, for instance
/etc/cni/net.d/10-nslab.conflist:
   {"cniVersion": "1.0.0", "name": "nslab", "plugins": [
     {"type": "` + cni.Plugin + `", "bridge": "nsl0", "isGateway": true, "ipMasq": true,
      "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.66.0.0/24"}]],
               "routes": [{"dst": "0.0.0.0/0"}]}}]}

trace shows every call of a plugin: environment, standard input, answer. It puts
stand-ins in the plugins' place, in a directory that CMD finds in CNI_PATH:
   nslab cni trace -- nslab cni add lab.conflist c1
A runtime that has its own idea of the directory gets it with trace install DIR;
trace show DIR then tells what was called.`

func cniCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:        "cni",
		Usage:       "container networks (CNI): be their runtime, be their plugin, watch both",
		ArgsUsage:   "add|del|check NETWORK NS | status|gc NETWORK | install DIR | trace -- CMD...",
		Description: cniHelp,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "ifname", Usage: "`NAME` of the interface in the namespace", Value: "eth0"},
			&cli.StringFlag{Name: "args", Usage: "CNI_ARGS: `K=V;K=V`"},
			&cli.StringFlag{Name: "capabilities", Usage: "what the runtime offers, as `JSON`: {\"mac\": \"02:00:00:00:00:01\"}"},
		},
		Action: func(c *cli.Context) error {
			verb, known := cniVerbs[c.Args().First()]
			switch {
			case known:
			case c.Args().Present():
				return hint(usage("nslab cni %s: it is %s", c.Args().First(), cniWords), "nslab cni --help")
			default:
				return usage("nslab cni: which one? it wants %s", cniWords)
			}
			if err := arguments(c, verb.least, verb.most, verb.usage); err != nil {
				return err
			}
			return verb.run(s, c)
		},
	}
}

// attachment is the network and what is to be attached to it.
func attachment(c *cli.Context) (*plugins.Network, plugins.Attachment, error) {
	a := plugins.Named(c.Args().Get(2), c.String("ifname"))
	a.Args = c.String("args")
	if text := c.String("capabilities"); text != "" {
		if err := json.Unmarshal([]byte(text), &a.Capabilities); err != nil {
			return nil, a, usage("--capabilities: want a JSON object: %w", err)
		}
	}
	n, err := network(c)
	return n, a, err
}

func network(c *cli.Context) (*plugins.Network, error) {
	n, err := plugins.LoadNetwork(c.Args().Get(1))
	if err != nil {
		return nil, &codeError{exitUsage, err}
	}
	return n, nil
}

func runtimeOf(s streams) plugins.Runtime { return plugins.Runtime{Stderr: s.err} }

func cniAdd(s streams, c *cli.Context) error {
	n, a, err := attachment(c)
	if err != nil {
		return err
	}
	result, err := runtimeOf(s).Add(n, a)
	if err != nil {
		return told(err)
	}
	_, err = topology.PrintableJSON(s.out).Write(append(result, '\n'))
	return err
}

func cniDel(s streams, c *cli.Context) error {
	n, a, err := attachment(c)
	if err != nil {
		return err
	}
	return told(runtimeOf(s).Del(n, a))
}

func cniCheck(s streams, c *cli.Context) error {
	n, a, err := attachment(c)
	if err != nil {
		return err
	}
	if err := runtimeOf(s).Check(n, a); err != nil {
		return withDetails(exitDifferent, err)
	}
	noteUnasked(s, c, n, "CHECK")
	return nil
}

func cniStatus(s streams, c *cli.Context) error {
	n, err := network(c)
	if err != nil {
		return err
	}
	noteUnasked(s, c, n, "STATUS")
	return told(runtimeOf(s).Status(n))
}

func cniGC(s streams, c *cli.Context) error {
	n, err := network(c)
	if err != nil {
		return err
	}
	noteUnasked(s, c, n, "GC")
	gone, err := runtimeOf(s).GC(n)
	for _, a := range gone {
		fmt.Fprintf(s.out, "%s of %s deleted\n", a.IfName, a.ID)
	}
	return told(err)
}

// told gives the error of a plugin its exit status and its details.
func told(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return withDetails(exitCannot, err)
	}
	return withDetails(exitBuild, err)
}

// withDetails makes a hint of a plugin's details, which are mostly what to do.
func withDetails(code int, err error) error {
	e, ok := errors.AsType[*plugins.Error](err)
	if !ok || e.Plugin == nil || e.Plugin.Details == "" {
		return &codeError{code, err}
	}
	text := strings.Replace(err.Error(), "; "+e.Plugin.Details, "", 1)
	return hint(&codeError{code, errors.New(text)}, e.Plugin.Details)
}

// noteUnasked says that plugins are not asked what their version does not know:
// silence is no word of theirs.
func noteUnasked(s streams, c *cli.Context, n *plugins.Network, command string) {
	if since := n.Before(command); since != "" {
		note(s, c, "note: no plugin was asked: cniVersion %s of network %s has no %s, which came with %s", n.Version(), n.Name, command, since)
	}
}

func cniInstall(s streams, c *cli.Context) error {
	path, err := cni.Install(c.Args().Get(1))
	if err != nil {
		return &codeError{exitCannot, err}
	}
	fmt.Fprintf(s.out, "%s created\n", path)
	return nil
}

// forward stands in the place of a plugin, for nslab cni trace.
func forward(args []string) int {
	return plugins.Forward(args, os.Stdin, os.Stdout, os.Stderr)
}
