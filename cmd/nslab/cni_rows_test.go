package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/plugins"
)

// runtimeRows are what the specification, version 1.1.0, and the conventions
// beside it want of a runtime. The rows of a plugin are in lab/cni;
// make cni-rows lists all of them.
var runtimeRows = []struct {
	row, says string
	test      func(*runtimeRig)
}{
	{"R1", "the highest version that both know", rowHighest},
	{"R2", "cniVersion, name, runtimeConfig go in, capabilities stay out", rowConfiguration},
	{"R3", "keys that nobody knows reach the plugin, cni.dev/ ones do not", rowUnknown},
	{"R4", "ADD in order, each with the result of the one before, to the first error", rowOrder},
	{"R5", "a failed ADD is followed by DEL", rowFailed},
	{"R6", "CHECK and DEL get what ADD has answered", rowPrevious},
	{"R7", "DEL in the reverse order, again and again", rowReverse},
	{"R8", "CHECK only between ADD and DEL, not with disableCheck", rowCheck},
	{"R9", "GC names what is valid, goes on after errors, spares other runtimes, not with disableGC", rowGC},
	{"R10", "no ADD without a namespace, DEL also without", rowNamespace},
	{"R11", "plugins run where the runtime is", rowDomain},
	{"R12", "names are checked before anything is called", rowNames},
	{"R13", "a person sees code, message and details", rowDetails},
}

func TestRows(t *testing.T) {
	if os.Geteuid() != 0 { // runtimes of containers are root's
		again(t)
		return
	}
	for _, row := range runtimeRows {
		t.Run(row.row+" "+row.says, func(t *testing.T) { row.test(newRuntimeRig(t)) })
	}
}

// runtimeRig is a container c1, and plugins one, two and bad: scripts, behind
// stand-ins that write down how they are called.
type runtimeRig struct {
	*testing.T
	dir  string
	seen int
}

const (
	answers = `in=$(cat); [ "$CNI_COMMAND" = ADD ] && echo '{"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.%d/24"}]}'; exit 0`
	refuses = `cat >/dev/null; [ "$CNI_COMMAND" = DEL ] || { echo '{"cniVersion": "1.0.0", "code": 111, "msg": "no room", "details": "all 254 are taken"}'; exit 1; }`
	where   = `cat >/dev/null; readlink /proc/self/ns/net >"$CNI_PATH/where"`
)

func newRuntimeRig(t *testing.T) *runtimeRig {
	t.Helper()
	kerneltest.Need(t)
	kerneltest.Namespace(t, "c1")
	r := &runtimeRig{T: t, dir: t.TempDir()}
	programs := t.TempDir()
	for name, script := range map[string]string{
		"one": fmt.Sprintf(answers, 1), "two": fmt.Sprintf(answers, 2), "bad": refuses, "where": where,
	} {
		if err := os.WriteFile(filepath.Join(programs, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := plugins.StandIns(r.dir, []string{programs}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(plugins.Dir); err != nil {
			t.Error(err)
		}
	})
	return r
}

// nslab runs nslab cni and returns what it says and its exit status.
func (r *runtimeRig) nslab(args ...string) (said string, status int) {
	r.Helper()
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{"nslab", "cni"}, args...)}
	cmd.Env = append(os.Environ(), "CNI_PATH="+r.dir)
	out, err := cmd.CombinedOutput()
	if _, exit := errors.AsType[*exec.ExitError](err); err != nil && !exit {
		r.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// does runs nslab cni, which must succeed, and returns the calls that it has made.
func (r *runtimeRig) does(args ...string) []call {
	r.Helper()
	if out, status := r.nslab(args...); status != 0 {
		r.Fatalf("nslab cni %s: exit status %d\n%s", strings.Join(args, " "), status, out)
	}
	return r.calls()
}

// fails runs nslab cni, which must not succeed and must say all of words.
func (r *runtimeRig) fails(args []string, words ...string) []call {
	r.Helper()
	out, status := r.nslab(args...)
	for _, w := range words {
		if status == 0 || !strings.Contains(out, w) {
			r.Errorf("nslab cni %s: exit status %d, want one with %q:\n%s", strings.Join(args, " "), status, w, out)
		}
	}
	return r.calls()
}

// call is a call of a plugin, and its configuration.
type call struct {
	what string // "ADD one"
	env  map[string]string
	conf map[string]any
}

// calls returns the calls since it was asked last.
func (r *runtimeRig) calls() []call {
	r.Helper()
	all, err := plugins.Calls(r.dir)
	if err != nil {
		r.Fatal(err)
	}
	var out []call
	for _, c := range all[r.seen:] {
		x := call{what: c.Env["CNI_COMMAND"] + " " + filepath.Base(c.Plugin), env: c.Env}
		if err := json.Unmarshal([]byte(c.Stdin), &x.conf); err != nil {
			r.Fatal(err)
		}
		out = append(out, x)
	}
	r.seen = len(all)
	return out
}

func (r *runtimeRig) want(calls []call, want ...string) {
	r.Helper()
	got := []string{}
	for _, c := range calls {
		got = append(got, c.what)
	}
	if !slices.Equal(got, want) {
		r.Fatalf("called %q, want %q", got, want)
	}
}

// list is a network of plugins; more are further keys of it.
func list(more string, types ...string) string {
	var ps []string
	for _, t := range types {
		ps = append(ps, `{"type": "`+t+`"}`)
	}
	return `{"name": "lab", "cniVersion": "1.1.0"` + more + `, "plugins": [` + strings.Join(ps, ", ") + `]}`
}

// first is the address of a result, as prevResult has it.
func first(c call) string {
	b, _ := json.Marshal(c.conf["prevResult"]) // it came as JSON
	var result struct{ IPs []struct{ Address string } }
	if json.Unmarshal(b, &result) != nil || len(result.IPs) == 0 {
		return ""
	}
	return result.IPs[0].Address
}

func rowHighest(r *runtimeRig) {
	for conf, want := range map[string]string{
		`{"name": "a", "cniVersion": "0.4.0", "cniVersions": ["1.0.0", "0.3.1"], "plugins": [{"type": "one"}]}`:        "1.0.0",
		`{"name": "b", "cniVersion": "1.0.0", "cniVersions": ["1.1.0", "9.0.0"], "plugins": [{"type": "one"}]}`:        "1.1.0",
		`{"name": "c", "cniVersion": "0.4.0", "plugins": [{"type": "one"}]}`:                                           "0.4.0",
		`{"name": "d", "cniVersion": "0.3.1", "type": "one", "plugins": [{"type": "one", "cniVersion": "something"}]}`: "0.3.1",
		`{"name": "e", "cniVersion": "1.0.0", "type": "one"}`:                                                          "1.0.0",
	} {
		if got := r.does("add", conf, "c1")[0].conf["cniVersion"]; got != want {
			r.Errorf("%s: the plugin was told %v, want %s", conf, got, want)
		}
	}
}

func rowConfiguration(r *runtimeRig) {
	conf := `{"name": "lab", "cniVersion": "1.0.0", "plugins": [{"type": "one", "capabilities": {"mac": true, "ips": false, "bandwidth": true}}]}`
	c := r.does("add", conf, "c1", "--capabilities", `{"mac": "02:00:00:00:00:01", "ips": ["10.0.0.9/24"], "portMappings": []}`)[0]
	if c.conf["name"] != "lab" || fmt.Sprint(c.conf["runtimeConfig"]) != "map[mac:02:00:00:00:00:01]" || c.conf["capabilities"] != nil {
		r.Errorf("the plugin was told %v", c.conf)
	}
}

func rowUnknown(r *runtimeRig) {
	conf := `{"name": "lab", "cniVersion": "1.0.0", "plugins": [{"type": "one", "colour": {"deep": [1, 2.5, "red"]}}]}`
	c := r.does("add", conf, "c1")[0]
	if fmt.Sprint(c.conf["colour"]) != "map[deep:[1 2.5 red]]" {
		r.Errorf("the plugin was told %v", c.conf)
	}
	for key := range c.conf {
		if strings.HasPrefix(key, "cni.dev/") {
			r.Errorf("ADD with %s", key)
		}
	}
}

func rowOrder(r *runtimeRig) {
	calls := r.does("add", list("", "one", "two", "one"), "c1", "--args", "IgnoreUnknown=1;A=b")
	r.want(calls, "ADD one", "ADD two", "ADD one")
	for i, want := range []string{"", "10.0.0.1/24", "10.0.0.2/24"} {
		if got := first(calls[i]); got != want {
			r.Errorf("call %d has prevResult %q, want %q", i, got, want)
		}
	}
	want := map[string]string{"CNI_CONTAINERID": "nslab-c1", "CNI_NETNS": "/run/netns/c1", "CNI_IFNAME": "eth0", "CNI_ARGS": "IgnoreUnknown=1;A=b", "CNI_PATH": r.dir}
	for k, v := range want {
		if calls[0].env[k] != v {
			r.Errorf("%s=%s, want %s", k, calls[0].env[k], v)
		}
	}
}

func rowFailed(r *runtimeRig) {
	net := list("", "one", "bad", "two")
	r.want(r.fails([]string{"add", net, "c1"}, "no room"), "ADD one", "ADD bad", "DEL two", "DEL bad", "DEL one")
	if _, err := os.Stat(plugins.Dir); err == nil {
		r.Errorf("%s is left behind", plugins.Dir)
	}
}

func rowPrevious(r *runtimeRig) {
	net := list("", "one", "two")
	r.does("add", net, "c1")
	for _, verb := range []string{"check", "del"} {
		for _, c := range r.does(verb, net, "c1") {
			if first(c) != "10.0.0.2/24" {
				r.Errorf("%s with prevResult %v", c.what, c.conf["prevResult"])
			}
		}
	}
}

func rowReverse(r *runtimeRig) {
	net := list("", "one", "two")
	r.does("add", net, "c1")
	for range 2 {
		r.want(r.does("del", net, "c1"), "DEL two", "DEL one")
	}
}

func rowCheck(r *runtimeRig) {
	net := list("", "one")
	r.want(r.fails([]string{"check", net, "c1"}, "not attached"))
	r.does("add", net, "c1")
	r.want(r.does("check", net, "c1"), "CHECK one")
	r.want(r.does("check", list(`, "disableCheck": true`, "one"), "c1"))
	r.does("del", net, "c1")
	r.want(r.fails([]string{"check", net, "c1"}, "not attached"))
}

func rowGC(r *runtimeRig) {
	net := list("", "one", "two")
	kerneltest.Namespace(r.T, "c2")
	r.does("add", net, "c1")
	r.does("add", net, "c2")
	r.elsewhere("c3", net)
	r.sh("ip", "netns", "del", "c2")
	r.want(r.does("gc", list(`, "disableGC": true`, "one", "two")))
	calls := r.does("gc", net)
	r.want(calls, "DEL two", "DEL one", "GC one", "GC two")
	if calls[0].env["CNI_CONTAINERID"] != "nslab-c2" || calls[0].env["CNI_NETNS"] != "" {
		r.Errorf("DEL for %v", calls[0].env)
	}
	if valid := fmt.Sprint(calls[2].conf["cni.dev/valid-attachments"]); valid != "[map[containerID:nslab-c1 ifname:eth0]]" {
		r.Errorf("valid: %s", valid)
	}
	r.want(r.fails([]string{"gc", list("", "bad", "one")}, "no room"), "GC bad", "GC one")
}

// elsewhere lets a second runtime, with a memory of its own, attach a namespace
// that is gone then: DEL is that runtime's to send.
func (r *runtimeRig) elsewhere(ns, net string) {
	r.Helper()
	kerneltest.Namespace(r.T, ns)
	n, err := plugins.ReadNetwork([]byte(net))
	if err == nil {
		_, err = plugins.Runtime{Path: []string{r.dir}, Dir: r.TempDir()}.Add(n, plugins.Named(ns, "eth0"))
	}
	if err != nil {
		r.Fatal(err)
	}
	r.want(r.calls(), "ADD one", "ADD two")
	r.sh("ip", "netns", "del", ns)
}

func (r *runtimeRig) sh(argv ...string) {
	r.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		r.Fatalf("%v: %v\n%s", argv, err, out)
	}
}

func rowNamespace(r *runtimeRig) {
	net := list("", "one")
	r.want(r.fails([]string{"add", net, "c7"}, "/run/netns/c7", "`ip netns add c7`", "no such file"))
	r.want(r.fails([]string{"add", net, "/proc/self/ns/net"}, "namespace that this program runs in"))
	calls := r.does("del", net, "c7")
	r.want(calls, "DEL one")
	if calls[0].env["CNI_NETNS"] != "" {
		r.Errorf("CNI_NETNS=%s for a namespace that is gone", calls[0].env["CNI_NETNS"])
	}
}

func rowDomain(r *runtimeRig) {
	r.does("add", `{"name": "lab", "cniVersion": "1.0.0", "type": "one"}`, "c1", "--ifname", "eth1")
	r.nslab("add", `{"name": "lab", "cniVersion": "1.0.0", "type": "where"}`, "c1")
	own, err := os.Readlink("/proc/self/ns/net")
	got, rerr := os.ReadFile(filepath.Join(r.dir, "where"))
	if err != nil || rerr != nil || strings.TrimSpace(string(got)) != own {
		r.Errorf("the plugin ran in %q, the runtime in %q (%v, %v)", got, own, err, rerr)
	}
}

func rowNames(r *runtimeRig) {
	for _, args := range [][]string{
		{"add", `{"name": "../lab", "cniVersion": "1.0.0", "type": "one"}`, "c1"},
		{"add", `{"name": "lab", "cniVersion": "1.0.0", "type": "../one"}`, "c1"},
		{"add", `{"name": "lab", "cniVersion": "1.0.0", "type": "three"}`, "c1"},
		{"add", list("", "one", "three"), "c1"},
		{"add", list("", "one"), "c1", "--ifname", "a/b"},
		{"add", list("", "one"), "c1", "--ifname", "an-interface-name"},
		{"add", list("", "one"), "lo", "--ifname", "lo"},
		{"del", list("", "one"), "../c1"},
		{"del", list("", "one"), "c 1"},
	} {
		r.want(r.fails(args, "nslab: "))
	}
}

func rowDetails(r *runtimeRig) {
	r.fails([]string{"add", list("", "bad"), "c1"}, "nslab: ADD of network lab", `"bad"`, "no room", "code 111", "hint: all 254 are taken")
	r.fails([]string{"status", list("", "bad")}, "STATUS of network lab", "no room")
	if out, _ := r.nslab("status", list("", "bad")); strings.Count(out, "all 254 are taken") != 1 {
		r.Errorf("details are told once:\n%s", out)
	}
	for _, command := range []string{"status", "gc"} { // silence is no answer where nobody was asked
		out, status := r.nslab(command, strings.Replace(list("", "bad"), "1.1.0", "1.0.0", 1))
		if want := "cniVersion 1.0.0 of network lab has no " + strings.ToUpper(command); status != 0 || !strings.Contains(out, want) {
			r.Errorf("exit status %d, want %q:\n%s", status, want, out)
		}
	}
}
