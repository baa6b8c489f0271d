package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"nslab/lab"
	"nslab/lab/sandbox"
	"nslab/topology"
)

func shellCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:      "shell",
		Usage:     "a shell on the lab's host, or in a namespace of it",
		ArgsUsage: "[NS]",
		Description: `Opens a shell where the lecture types its commands: ip netns, ip -n red link,
ip netns exec red ping 192.168.15.2, iptables -t nat -L. "exit" leaves it; the
lab stays. NS may also be the name of a lab, for its host.`,
		Flags: []cli.Flag{labFlag},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 1, "a namespace"); err != nil {
				return err
			}
			ns := c.Args().First()
			if ns == "" || c.String("lab") == "" && isLab(ns) {
				if ns != "" {
					if err := c.Set("lab", ns); err != nil {
						return err
					}
				}
				ns = topology.Host
			}
			shell := userShell()
			return inNamespace(c, ns, shell, func() (argv, env []string) {
				if terminal(s.err) {
					note(s, c, "a shell %s; ip netns shows the rooms; exit leaves it", placeOf(ns))
				}
				return shellFor(shell, ns)
			})
		},
	}
}

func isLab(name string) bool {
	all, err := allLabs()
	return err == nil && slices.Contains(all, name)
}

func placeOf(ns string) string {
	if ns == topology.Host {
		return "on the lab's host"
	}
	return "in " + ns
}

func userShell() string {
	if shell := os.Getenv("SHELL"); shell != "" {
		return shell
	}
	return "/bin/sh"
}

// shellFor is the command line of a shell with a prompt that says where it is.
func shellFor(shell, ns string) (argv, env []string) {
	where := ns
	if name, ok := sandbox.Inside(); ok {
		where = ns + "@" + name
	}
	env = append(os.Environ(), "PS1="+where+" # ", "NSLAB_NS="+ns)
	if filepath.Base(shell) != "bash" || !term.IsTerminal(int(os.Stdin.Fd())) {
		return []string{shell}, env
	}
	if rc := bashrc(where); rc != "" {
		return []string{shell, "--rcfile", rc, "-i"}, env
	}
	return []string{shell, "-i"}, env
}

// bashrc writes a start file that keeps the user's own and sets the prompt;
// only in a sandbox, whose /run is private. Each shell has one of its own,
// which it removes when it has read it.
func bashrc(where string) string {
	if _, ok := sandbox.Inside(); !ok {
		return ""
	}
	f, err := os.CreateTemp(filepath.Dir(lab.StateDir), "bashrc-")
	if err != nil {
		return ""
	}
	_, err = fmt.Fprintf(f, "command rm -f %s\n[ -r ~/.bashrc ] && . ~/.bashrc\nPS1='%s # '\n", f.Name(), where)
	if errors.Join(err, f.Close()) != nil {
		return ""
	}
	return f.Name()
}
