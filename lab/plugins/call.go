package plugins

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/version"
)

// Own is the name under which nslab itself is a plugin.
const Own = "nslab-bridge"

// builtin are the plugins for which nslab stands in where they are not
// installed, and the names by which it is called then; it gives addresses as
// host-local and static do by itself.
var builtin = map[string]string{"bridge": Own, Own: Own, "portmap": "nslab-portmap", "firewall": "nslab-firewall"}

// self is this program.
const self = "/proc/self/exe"

// isOwn says whether a program is nslab itself, by one of those names.
func isOwn(program string) bool {
	return slices.Contains(slices.Collect(maps.Values(builtin)), program)
}

// caller runs plugins. It is what libcni calls an Exec.
type caller struct{ stderr io.Writer }

// pluginName is what a plugin may be called: nothing that leads out of the
// directories of plugins.
var pluginName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// FindInPath finds the program of a plugin, or nslab itself in its place.
func (c *caller) FindInPath(plugin string, paths []string) (string, error) {
	if !pluginName.MatchString(plugin) {
		return "", fmt.Errorf("type %q: the name of a plugin has letters, digits, _ . -", plugin)
	}
	path, err := invoke.FindInPath(plugin, paths)
	switch own, there := builtin[plugin]; {
	case err == nil:
		return path, nil
	case there:
		return own, nil
	}
	return "", fmt.Errorf("there is no plugin %q in %s: apt-get install containernetworking-plugins brings the reference's, CNI_PATH names other directories",
		plugin, strings.Join(paths, ":"))
}

// Decode reads the answer to VERSION.
func (c *caller) Decode(b []byte) (version.PluginInfo, error) {
	return (&version.PluginDecoder{}).Decode(b)
}

// Installed is the program of a plugin, "" when there is none but perhaps nslab.
func Installed(plugin string) string {
	path, err := invoke.FindInPath(plugin, SearchPath())
	if err != nil {
		return ""
	}
	return path
}

// ExecPlugin runs a plugin and returns its standard output.
func (c *caller) ExecPlugin(ctx context.Context, path string, stdin []byte, environ []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var out, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path)
	if isOwn(path) {
		cmd = exec.CommandContext(ctx, self)
		cmd.Args = []string{path}
	}
	cmd.Env = withSbin(environ)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stripped(stdin)), &out, &stderr
	cmd.WaitDelay = time.Second // who is left of the plugin may hold its output
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s did not answer within %v", path, deadline)
	}
	if err != nil {
		return nil, said(path, err, out.Bytes(), stderr.String())
	}
	if c.stderr != nil {
		_, _ = stderr.WriteTo(c.stderr) // words for a person
	}
	return out.Bytes(), nil
}

// said is the error that a plugin has printed, or what stands for it.
func said(path string, err error, out []byte, stderr string) error {
	e := &types.Error{}
	if json.Unmarshal(out, e) == nil && e.Msg != "" {
		return e
	}
	return fmt.Errorf("%s: %w: %s", path, err, strings.TrimSpace(strings.TrimSpace(string(out))+" "+strings.TrimSpace(stderr)))
}

// withSbin lets plugins find iptables, which is where an ordinary user does not look.
func withSbin(environ []string) []string {
	return append(slices.DeleteFunc(slices.Clone(environ), func(v string) bool { return strings.HasPrefix(v, "PATH=") }),
		"PATH="+strings.TrimPrefix(os.Getenv("PATH")+":/usr/sbin:/sbin:/usr/bin:/bin", ":"))
}
