package plugins

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Call is one call of a plugin, as it was seen by what stood in its place.
type Call struct {
	Plugin  string            `json:"plugin"` // path of the program
	Env     map[string]string `json:"env"`    // the variables CNI_*
	Stdin   string            `json:"stdin"`
	Stdout  string            `json:"stdout"`
	Stderr  string            `json:"stderr,omitempty"`
	Status  int               `json:"status"`
	Depth   int               `json:"depth"` // 1 for what a plugin has called, such as host-local
	Started time.Time         `json:"started"`
	Took    time.Duration     `json:"took"` // in nanoseconds
}

// envDepth counts how many traced plugins are above this one.
const envDepth = "NSLAB_TRACE_DEPTH"

// callsFile is where a directory of stand-ins keeps what they have seen.
const callsFile = ".calls"

// StandIns fills a directory with one program for each plugin of path, which
// writes down how it is called, calls the plugin in the same way, and answers
// what that answers. It returns the names.
func StandIns(dir string, path []string) ([]string, error) {
	nslab, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	real := map[string]string{}
	maps.Copy(real, builtin)
	for _, d := range slices.Backward(path) {
		files, err := os.ReadDir(d)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, f := range files {
			if pluginName.MatchString(f.Name()) {
				real[f.Name()] = filepath.Join(d, f.Name())
			}
		}
	}
	var names []string
	for name, program := range real {
		script := fmt.Sprintf("#!/bin/sh\nexec %s forward %s %s\n", quoted(nslab), quoted(filepath.Join(dir, callsFile)), quoted(program))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil { //nolint:gosec // a program for whoever runs containers
			return nil, err
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// quoted is a word for sh(1).
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Forward is what a stand-in does: `nslab forward LOG PLUGIN`. It returns the
// exit status of the plugin. What cannot be written down is no reason to fail.
func Forward(args []string, in io.Reader, out, stderr io.Writer) int {
	if len(args) != 2 {
		fmt.Fprintln(stderr, "nslab forward is for nslab cni trace")
		return 2
	}
	depth, _ := strconv.Atoi(os.Getenv(envDepth))
	call := Call{Plugin: args[1], Env: map[string]string{}, Depth: depth, Started: time.Now()}
	for _, v := range os.Environ() {
		if k, val, _ := strings.Cut(v, "="); strings.HasPrefix(k, "CNI_") {
			call.Env[k] = val
		}
	}
	config, _ := io.ReadAll(in)
	call.Stdin = string(config)
	call.run()
	if err := call.write(args[0]); err != nil {
		fmt.Fprintln(stderr, "nslab cni trace:", err)
	}
	_, _ = io.WriteString(stderr, call.Stderr)
	_, _ = io.WriteString(out, call.Stdout)
	return call.Status
}

// run calls the plugin itself.
func (c *Call) run() {
	var out, stderr bytes.Buffer
	cmd := &exec.Cmd{Path: c.Plugin, Args: []string{c.Plugin}}
	if isOwn(c.Plugin) {
		cmd.Path = self
	}
	cmd.Env = append(os.Environ(), envDepth+"="+strconv.Itoa(c.Depth+1))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.Stdin), &out, &stderr
	err := cmd.Run()
	c.Took = time.Since(c.Started)
	c.Stdout, c.Stderr = out.String(), stderr.String()
	exit := (*exec.ExitError)(nil)
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		c.Status = exit.ExitCode()
	default:
		c.Status, c.Stderr = 1, c.Stderr+err.Error()+"\n"
	}
}

// write appends the call as one line, in one piece: others write beside us.
func (c *Call) write(log string) error {
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// Calls reads what the stand-ins of a directory have seen, in the order in
// which the calls began.
func Calls(dir string) ([]Call, error) {
	text, err := os.ReadFile(filepath.Join(dir, callsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var calls []Call
	d := json.NewDecoder(bytes.NewReader(text))
	for d.More() {
		var c Call
		if err := d.Decode(&c); err != nil {
			return calls, fmt.Errorf("%s: %w", filepath.Join(dir, callsFile), err)
		}
		calls = append(calls, c)
	}
	slices.SortStableFunc(calls, func(a, b Call) int { return cmp.Or(a.Started.Compare(b.Started), a.Depth-b.Depth) })
	return calls, nil
}
