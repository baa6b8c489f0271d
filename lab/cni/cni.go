// Package cni is nslab as a plugin of the Container Network Interface,
// https://www.cni.dev/docs/spec/: a container runtime runs it as `nslab-bridge`,
// says in the environment what it wants (ADD, DEL, CHECK ...) for which
// container, and gives the configuration of the network on standard input.
//
// What ADD makes is the cable of the lecture, out of the same facts of lab/op,
// in a namespace that the runtime has made and names by a path. There is no
// state beside the addresses that are given away: every fact carries a mark that
// follows from the names of network, container and interface, so DEL finds what
// ADD has made, whatever became of it, and GC what nobody owns any more.
package cni

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/version"

	"nslab/topology"
)

// Codes of errors that the specification leaves to plugins.
const (
	codeExists  = 100 // what ADD would make is there already
	codeDiffers = 101 // CHECK has found something else than ADD has made
	codeTaken   = 102 // a port of the host is published already
)

// Plugin is the name of the plugin: the `type` of a network configuration, and
// the name under which nslab must be called.
const Plugin = "nslab-bridge"

// Is says whether nslab is a plugin when it is called by a name.
func Is(name string) bool {
	_, behind := chains[name]
	return name == Plugin || behind
}

// Process is what the plugin is given by who runs it.
type Process struct {
	Name           string // by which nslab was called
	Getenv         func(string) string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// command is what CNI_COMMAND asks for: the variables that it needs, the
// version of the specification that knows it first, and what does it. Only ADD
// has a result.
type command struct {
	needs []string
	since string
	run   func(*request) (types.Result, error)
}

var commands = map[string]command{
	"ADD":    {[]string{envContainer, envNetns, envIfName}, "0.1.0", add},
	"DEL":    {[]string{envContainer, envIfName}, "0.1.0", noResult(del)},
	"CHECK":  {[]string{envContainer, envNetns, envIfName}, "0.4.0", noResult(check)},
	"GC":     {[]string{envPath}, "1.1.0", noResult(gc)},
	"STATUS": {nil, "1.1.0", noResult(status)},
}

func noResult(f func(*request) error) func(*request) (types.Result, error) {
	return func(r *request) (types.Result, error) { return nil, f(r) }
}

// Main is the plugin; it returns the exit status. Standard output gets one JSON
// document at most: the result of ADD or VERSION, or an error.
func Main(p Process) int {
	var err error
	p.Stdout = topology.PrintableJSON(p.Stdout) // a person may be the runtime
	speaks := version.Current()
	switch name := p.Getenv(envCommand); name {
	case "": // a person has typed the name
		fmt.Fprintf(p.Stderr, "%s is a CNI plugin of nslab: a container runtime runs it, see docs/cni.md\nversions of the specification: %s\n",
			p.Name, strings.Join(version.All.SupportedVersions(), ", "))
	case "VERSION":
		err = tellVersion(p)
	default:
		var r *request
		if r, err = read(p, name); r != nil {
			speaks = r.conf.CNIVersion
		}
		if err == nil {
			err = r.answer(p.Stdout)
		}
	}
	if err == nil {
		return 0
	}
	tellError(p, speaks, err)
	return 1
}

// answer does what is asked and prints the result, in the version of the request.
func (r *request) answer(w io.Writer) error {
	run := commands[r.command].run
	if _, behind := chains[r.name]; behind {
		run = chainedCommands[r.command]
	}
	result, err := r.begin(run)
	if err != nil || result == nil {
		return err
	}
	if result, err = result.GetAsVersion(r.conf.CNIVersion); err != nil {
		return err
	}
	return result.PrintTo(w)
}

// tellVersion answers VERSION. The specification wants the version of the
// request back; some ask with nothing on standard input.
func tellVersion(p Process) error {
	asked := struct {
		CNIVersion string `json:"cniVersion"`
	}{version.Current()}
	if b, err := io.ReadAll(p.Stdin); err == nil {
		_ = json.Unmarshal(b, &asked) // what nobody understands changes nothing
	}
	return json.NewEncoder(p.Stdout).Encode(map[string]any{
		"cniVersion": asked.CNIVersion, "supportedVersions": version.All.SupportedVersions(),
	})
}

// tellError prints an error on standard output, where runtimes look for it. A
// runtime that cannot be told is told by the exit status.
func tellError(p Process, speaks string, err error) {
	e, ok := errors.AsType[*types.Error](err)
	switch {
	case ok:
	case errors.Is(err, fs.ErrExist):
		e = types.NewError(codeExists, err.Error(), "")
	default:
		e = types.NewError(types.ErrInternal, err.Error(), "")
	}
	doc := struct {
		CNIVersion string `json:"cniVersion"`
		*types.Error
	}{speaks, e}
	if err := json.NewEncoder(p.Stdout).Encode(doc); err != nil {
		fmt.Fprintln(p.Stderr, err)
	}
}
