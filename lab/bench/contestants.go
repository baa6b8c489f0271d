package main

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"nslab/lab/bench/shape"
)

// contestant is one way to a network. steps returns nil where it is not for it.
type contestant struct {
	name  string
	what  string // for the page
	steps func(k kit) []step
}

// kit is what a contestant may use for a shape.
type kit struct {
	options
	shape.Shape
	kind, n string
	size    int
	dir     string
	up      []string // the commands of nslab script
	down    []string
}

// contestants in the order of the tables; the floor is the first.
var contestants = []contestant{
	{"floor", "raw netlink messages in the best order known, lab/bench/floor", floorSteps},
	{"nslab", "nslab with `host: machine`, the machine being the box", nslabSteps("machine")},
	{"sandbox", "nslab with `host: sandbox`, which starts the sandbox too", nslabSteps("sandbox")},
	{"batch", "`ip -batch` with the commands of `nslab script`: one process for the host and one for each namespace", batchSteps},
	{"script", "`nslab script`: one process of `ip` for each command; `ping` for each pair", scriptSteps},
	{"mininet", "Mininet from Debian, with a Linux bridge and no controller", mininetSteps},
}

func (k kit) path(name string) string { return filepath.Join(k.dir, k.Name+name) }

func floorSteps(k kit) []step {
	return k.three(func(phase string) []string { return []string{k.floor, phase, k.kind, k.n} })
}

func nslabSteps(host string) func(kit) []step {
	return func(k kit) []step {
		file := k.write(host+".yaml", []string{k.YAML(host)})
		return k.three(func(phase string) []string {
			argv := []string{k.nslab, phase, file}
			if phase == apply {
				argv = append(argv, "--no-verify") // which is measured by itself
			}
			return argv
		})
	}
}

func (k kit) three(argv func(phase string) []string) []step {
	var out []step
	for _, phase := range []string{apply, verify, destroy} {
		out = append(out, step{Phase: phase, Argv: argv(phase)})
	}
	return out
}

// Processes are slow: these are measured only where it does not take all day.
const (
	mostScript  = 100
	mostPing    = 30
	mostMininet = 100
)

func scriptSteps(k kit) []step {
	if k.kind != "star" || k.size > mostScript {
		return nil
	}
	var pings []string
	for _, p := range k.All() {
		pings = append(pings, fmt.Sprintf("ip netns exec %s ping -c1 -W1 -q %s", k.Nodes[p.From].Name, p.Addr))
	}
	return k.shell("script", k.up, pings, k.down)
}

// batchSteps sorts the commands: those for the host first, then those of each
// namespace. It has no answer to the question who reaches whom.
func batchSteps(k kit) []step {
	if k.kind != "star" {
		return nil
	}
	return k.shell("batch", k.batch("up", k.up), nil, k.batch("down", k.down))
}

func (k kit) batch(name string, commands []string) []string {
	host, inside := []string{}, map[string][]string{}
	for _, c := range commands {
		words := strings.Fields(strings.TrimSuffix(c, " || status=1"))
		switch {
		case words[0] != "ip":
		case words[1] == "-n":
			inside[words[2]] = append(inside[words[2]], strings.Join(words[3:], " "))
		default:
			host = append(host, strings.Join(words[1:], " "))
		}
	}
	out := []string{"ip -batch " + k.write(name+".batch", host)}
	for _, ns := range slices.Sorted(maps.Keys(inside)) {
		out = append(out, "ip -n "+ns+" -batch "+k.write(name+"."+ns+".batch", inside[ns]))
	}
	return out
}

// shell makes a script of each phase.
func (k kit) shell(name string, up, ask, down []string) []step {
	steps := []step{{Phase: apply, Argv: []string{"sh", "-e", k.write(name+".up.sh", up)}}}
	if len(ask) > 0 && k.size <= mostPing {
		steps = append(steps, step{Phase: verify, Argv: []string{"sh", "-e", k.write(name+".ask.sh", ask)}})
	}
	return append(steps, step{Phase: destroy, Argv: []string{"sh", "-e", k.write(name+".down.sh", down)}})
}

func (k kit) write(name string, lines []string) string {
	path := k.path("." + name)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err.Error() // which no shell can read, and then says so
	}
	return path
}

//go:embed star.py
var starPy string

func mininetSteps(k kit) []step {
	if _, err := exec.LookPath("mn"); err != nil || k.kind != "star" || k.size > mostMininet || k.quick {
		return nil
	}
	argv := []string{"/usr/bin/python3", k.write("py", []string{starPy}), k.n}
	steps := []step{{Phase: apply, Argv: argv, Talk: true}}
	if k.size <= mostPing {
		steps = append(steps, step{Phase: verify, Argv: argv, Talk: true})
	}
	return append(steps, step{Phase: destroy, Argv: argv, Talk: true})
}

// commands are what nslab script prints, without its remarks.
func commands(ctx context.Context, nslab string, args ...string) ([]string, error) {
	out, err := exec.CommandContext(ctx, nslab, append([]string{"script"}, args...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("nslab script: %w", err)
	}
	lines := strings.Split(string(out), "\n")
	return slices.DeleteFunc(lines, func(l string) bool { return l == "" || l[0] == '#' || strings.HasPrefix(l, "set -") }), nil
}
