package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// plugin is the name of the measurements of nslab as a plugin of runtimes.
const plugin = "cni"

// calling is how often a container is plugged in and out in a round.
const calling = 10

// mostPlugin is nslab's share of what the reference takes.
const mostPlugin = 1

// ours is the name by which nslab is a plugin: cni.Plugin, whose libraries would
// only make the launcher larger than what it measures.
const ours = "nslab-bridge"

// pluginDirs are where the reference is looked for.
var pluginDirs = []string{"/opt/cni/bin", "/usr/lib/cni"}

// racer is a plugin with a network of its own. The first one is the reference.
type racer struct {
	name, text string
	program    string // in path
	path       string // CNI_PATH
	net        int    // 10.net.0.0/24
}

// racers are those of this machine. missing says why there are none: there is
// nothing to compare nslab with.
func (o options) racers(dir string) (rs []racer, missing string, err error) {
	both, alone := filepath.Join(dir, "cni"), filepath.Join(dir, "cni-alone")
	for _, d := range []string{both, alone} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, "", err
		}
		if err := os.Symlink(o.nslab, filepath.Join(d, ours)); err != nil {
			return nil, "", err
		}
	}
	for _, name := range []string{"bridge", "host-local"} {
		path := find(name, pluginDirs)
		if path == "" {
			return nil, fmt.Sprintf("the reference's `%s` is in none of %s (Debian: containernetworking-plugins)", name, strings.Join(pluginDirs, ", ")), nil
		}
		if err := os.Symlink(path, filepath.Join(both, name)); err != nil {
			return nil, "", err
		}
	}
	return []racer{
		{"reference", "", "bridge", both, 66},
		{"nslab", "`nslab-bridge` with the reference's host-local", ours, both, 67},
		{"alone", "`nslab-bridge`, giving the addresses itself,", ours, alone, 68},
	}, "", nil
}

func find(name string, dirs []string) string {
	for _, d := range dirs {
		if path, err := exec.LookPath(filepath.Join(d, name)); err == nil {
			return path
		}
	}
	return ""
}

// call is a call of the plugin for an interface of a container.
func (r racer) call(phase, command, container, ifName string) step {
	const conf = `{"cniVersion": "1.0.0", "name": "bench%d", "type": %q, "bridge": "bench%d", "isGateway": true, "ipMasq": true, "ipam":
		{"type": "host-local", "dataDir": "/run/addresses", "subnet": "10.%d.0.0/24", "routes": [{"dst": "0.0.0.0/0"}]}}`
	return step{
		Phase: phase, Argv: []string{filepath.Join(r.path, r.program)},
		Input: fmt.Sprintf(conf, r.net, r.program, r.net, r.net),
		Env: []string{
			"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + container, "CNI_NETNS=/run/netns/" + container,
			"CNI_IFNAME=" + ifName, "CNI_PATH=" + r.path,
		},
	}
}

// pluginSteps plug a container in and out by each in turns, into bridges that
// have a container already.
func pluginSteps(rs []racer) (steps []step) {
	ip := func(args ...string) { steps = append(steps, step{Argv: append([]string{"ip", "netns"}, args...)}) }
	standing := func(r racer) string { return fmt.Sprintf("eth%d", r.net) }
	ip("add", "standing")
	ip("add", "guest")
	for _, r := range rs {
		steps = append(steps, r.call("", "ADD", "standing", standing(r)))
	}
	turn := slices.Clone(rs)
	for range calling {
		for _, r := range turn {
			steps = append(steps, r.call("ADD "+r.name, "ADD", "guest", "eth0"), r.call("DEL "+r.name, "DEL", "guest", "eth0"))
		}
		slices.Reverse(turn)
	}
	for _, r := range rs {
		steps = append(steps, r.call("", "DEL", "standing", standing(r)))
	}
	ip("del", "guest")
	ip("del", "standing")
	return steps
}

// measurePlugin returns the numbers of ADD and DEL, and where there are none, why.
func measurePlugin(ctx context.Context, o options, dir string, b *bar) ([]goal, string, error) {
	dir, err := os.MkdirTemp(dir, plugin)
	if err != nil {
		return nil, "", err
	}
	rs, missing, err := o.racers(dir)
	if err != nil || missing != "" {
		return nil, missing, err
	}
	ms, err := o.inRounds(ctx, plugin, pluginSteps(rs), b)
	if err != nil {
		return nil, "", err
	}
	return pluginGoals(rs, ms), "", nil
}

// pluginGoals compare every call with the reference's beside it.
func pluginGoals(rs []racer, ms map[string][]measure) (out []goal) {
	for _, r := range rs[1:] {
		for _, command := range []string{"ADD", "DEL"} {
			v := ratios(walls(ms[command+" "+r.name]), walls(ms[command+" "+rs[0].name]))
			text := fmt.Sprintf("%s by %s to that by the reference's bridge and host-local", command, r.text)
			out = append(out, goal{text, mostPlugin, "", []float64{v}})
		}
	}
	return out
}

// pluginText is the table of calls, or why there is none.
func pluginText(gs []goal, missing string) string {
	const title = "As a CNI plugin"
	if missing != "" {
		return fmt.Sprintf("\n### %s\n\nNot measured: %s.\n", title, missing)
	}
	return listText(title, gs)
}
