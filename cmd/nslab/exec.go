package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"nslab/lab/netns"
	"nslab/lab/sandbox"
	"nslab/topology"
)

var labFlag = &cli.StringFlag{Name: "lab", Aliases: []string{"l"}, Usage: "the `LAB`; not needed when only one is up"}

func execCommand() *cli.Command {
	return &cli.Command{
		Name:      "exec",
		Usage:     "run a command in a namespace, like ip netns exec",
		ArgsUsage: "NS -- CMD...",
		Description: `Runs CMD in the namespace NS of a lab, "host" being the lab's host. Everything
after NS is CMD's. The exit status is CMD's; 127 when there is no such command.
   nslab exec red -- ping -c1 192.168.15.2
   nslab exec host -- iptables -t nat -S`,
		Flags: []cli.Flag{labFlag},
		Action: func(c *cli.Context) error {
			argv := c.Args().Slice()
			if len(argv) == 0 {
				return usage("nslab exec: in which namespace? nslab exec red -- ip link")
			}
			ns, argv := argv[0], argv[1:]
			if len(argv) > 0 && argv[0] == "--" {
				argv = argv[1:]
			}
			if len(argv) > 0 && strings.HasPrefix(argv[0], "-") {
				return hint(usage("nslab exec %s: %s is no command", ns, topology.Quote(argv[0])), "flags of nslab go before the namespace: nslab exec -l LAB "+ns+" -- ip link")
			}
			if len(argv) == 0 {
				return hint(usage("nslab exec %s: which command?", ns), "nslab exec "+ns+" -- ip link")
			}
			return execIn(c, ns, argv)
		},
	}
}

// execIn runs a command in a namespace of a lab. One in a sandbox gets there
// straight away; what is in the way, nslab finds out and says inside.
func execIn(c *cli.Context, ns string, argv []string) error {
	name, b, err := find(c.String("lab"))
	if err != nil {
		return err
	}
	if b == nil {
		return becomeIn(name, ns, argv[0], func() (_, _ []string) { return argv, os.Environ() })
	}
	if ns == topology.Host {
		ns = ""
	}
	dir, _ := os.Getwd()
	std := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	code, err := b.RunCommand(sandbox.Command{Argv: argv, Env: os.Environ(), Dir: dir, Files: std, Room: ns})
	if err != nil {
		return inSandboxProgram(b)
	}
	return ended(b, code, killed)
}

// inNamespace becomes a program inside a namespace of a lab. What become
// returns is asked for at the last moment, when nothing is in the way any more.
func inNamespace(c *cli.Context, ns, program string, become func() (argv, env []string)) error {
	name, b, err := find(c.String("lab"))
	if err != nil {
		return err
	}
	if b != nil {
		return inSandboxProgram(b)
	}
	return becomeIn(name, ns, program, become)
}

// becomeIn is inNamespace where the lab stands on this host.
func becomeIn(lab, ns, program string, become func() (argv, env []string)) error {
	path, err := lookUp(program)
	if err != nil {
		return err
	}
	signal.Reset(syscall.SIGPIPE) // what is ignored stays so in the next program
	if ns == topology.Host {
		argv, env := become()
		return &codeError{126, fmt.Errorf("%s: %w", argv[0], syscall.Exec(path, argv, env))}
	}
	n, err := netns.Open(ns)
	if errors.Is(err, netns.ErrOwn) { // `network: host` gives the host a second name
		n, err = netns.Current()
	}
	if err != nil {
		return noNamespace(lab, ns, err)
	}
	argv, env := become()
	return &codeError{126, n.Exec(ns, path, argv, env)}
}

// inSandboxProgram is inSandbox for a program of the user's: its exit status is
// passed on even when the lab is taken from under it.
func inSandboxProgram(b *sandbox.Sandbox) error {
	err := inSandbox(b, nil)
	if gone, ok := errors.AsType[*goneError](err); ok {
		return &codeError{killed, gone}
	}
	return err
}

// lookUp finds a command as a shell does, with the exit statuses of a shell.
func lookUp(name string) (string, error) {
	path, err := exec.LookPath(name)
	var found *exec.Error
	switch {
	case err == nil, errors.Is(err, exec.ErrDot):
		return path, nil
	case errors.As(err, &found) && strings.Contains(name, "/") && !errors.Is(err, fs.ErrNotExist):
		return "", &codeError{126, fmt.Errorf("%s: %w", topology.Quote(name), found.Err)}
	}
	return "", &codeError{127, fmt.Errorf("%s: command not found", topology.Quote(name))}
}

func noNamespace(name, ns string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return cannot("namespace %s: %w", topology.Quote(ns), err)
	}
	have, _ := netns.List()
	err = usage("%s has no namespace %s: it has host, %s", name, topology.Quote(ns), join(have))
	switch like := topology.Nearest(ns, have); {
	case like != "":
		return hint(err, "did you mean "+like+"?")
	case ns == name:
		return hint(err, name+" is the lab: nslab exec -l "+name+" host -- ip netns")
	}
	return err
}
