package cni_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/cni"
	"nslab/lab/kerneltest"
)

// rig is a machine with nslab-bridge on it, and a network.
type rig struct {
	*testing.T
	dir  string // CNI_PATH
	conf map[string]any
}

// newRig makes a rig whose network is like that of most hosts with containers.
func newRig(t *testing.T) *rig {
	t.Helper()
	kerneltest.Need(t)
	r := &rig{T: t, dir: t.TempDir()}
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(r.dir, cni.Plugin))
	}
	if err != nil {
		t.Fatal(err)
	}
	r.conf = map[string]any{
		"cniVersion": "1.1.0", "name": "lab", "type": cni.Plugin, "bridge": "nsl0", "isGateway": true, "ipMasq": true,
		"ipam": map[string]any{
			"type": "host-local", "dataDir": filepath.Join(r.dir, "ipam"),
			"ranges": [][]map[string]string{{{"subnet": "10.66.0.0/24"}}},
			"routes": []map[string]string{{"dst": "0.0.0.0/0"}},
		},
	}
	before := r.machine()
	t.Cleanup(func() {
		if diff := cmp.Diff(before, r.machine()); diff != "" && !t.Failed() {
			t.Errorf("left on the machine (-before +after):\n%s", diff)
		}
	})
	return r
}

// namespace makes that of a container and returns its path.
func (r *rig) namespace(name string) string {
	r.Helper()
	kerneltest.Namespace(r.T, name)
	return "/run/netns/" + name
}

// container makes a namespace whose attachment goes when the test ends.
func (r *rig) container(name string) string {
	r.Helper()
	netns := r.namespace(name)
	r.Cleanup(func() { r.ok(r.call("DEL", name, netns, "eth0", nil)) })
	return netns
}

// answer is what a run of the plugin has brought.
type answer struct {
	command     string
	out, stderr string
	status      int
}

// call runs the plugin for an interface of a container. more are further keys
// of the configuration; nil takes a key away.
func (r *rig) call(command, container, netns, ifName string, more map[string]any) answer {
	r.Helper()
	conf := maps.Clone(r.conf)
	maps.Copy(conf, more)
	maps.DeleteFunc(conf, func(_ string, v any) bool { return v == nil })
	in, err := json.Marshal(conf)
	if err != nil {
		r.Fatal(err)
	}
	return r.run([]string{"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + container, "CNI_NETNS=" + netns, "CNI_IFNAME=" + ifName, "CNI_PATH=" + r.dir}, string(in))
}

// run runs the plugin. Whatever it is asked, standard output is empty or one
// JSON document, and an error is what the specification says of errors.
func (r *rig) run(env []string, stdin string) answer {
	r.Helper()
	cmd := exec.Command(filepath.Join(r.dir, cni.Plugin)) // also after the test's context has ended
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
	cmd.Stdin = strings.NewReader(stdin)
	return r.finish(cmd)
}

func (r *rig) finish(cmd *exec.Cmd) answer {
	r.Helper()
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		r.Fatal(err)
	}
	a := answer{strings.Join(cmd.Env, " "), out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	if a.status != 0 {
		r.isError(a)
	} else if a.out != "" && !json.Valid(out.Bytes()) {
		r.Errorf("%s: standard output is not one JSON document:\n%s", a.command, a.out)
	}
	return a
}

// failure is the error of the specification.
type failure struct {
	CNIVersion string `json:"cniVersion"`
	Code       int    `json:"code"`
	Msg        string `json:"msg"`
	Details    string `json:"details"`
}

func (r *rig) isError(a answer) failure {
	r.Helper()
	var f failure
	d := json.NewDecoder(strings.NewReader(a.out))
	d.DisallowUnknownFields()
	err := d.Decode(&f)
	known := f.Code >= 1 && f.Code <= 7 || slices.Contains([]int{11, 50, 51}, f.Code) || f.Code >= 100
	if err != nil || d.More() || f.CNIVersion == "" || f.Msg == "" || !known {
		r.Errorf("%s: exit status %d, but no error of the specification (%v):\n%s%s", a.command, a.status, err, a.out, a.stderr)
	}
	return f
}

// ok demands success, and silence of all but ADD and VERSION.
func (r *rig) ok(a answer) {
	r.Helper()
	if a.status != 0 {
		r.Errorf("%s: exit status %d:\n%s%s", a.command, a.status, a.out, a.stderr)
	}
	loud := strings.Contains(a.command, "COMMAND=ADD") || strings.Contains(a.command, "COMMAND=VERSION")
	if !loud && a.out != "" {
		r.Errorf("%s: prints %s", a.command, a.out)
	}
}

// fails demands an error with the code whose message and details have the words.
func (r *rig) fails(a answer, code int, words ...string) {
	r.Helper()
	if a.status == 0 {
		r.Errorf("%s: exit status 0, want an error with code %d and %q\n%s", a.command, code, words, a.out)
		return
	}
	f := r.isError(a)
	if f.Code != code {
		r.Errorf("%s: code %d, want %d: %s %s", a.command, f.Code, code, f.Msg, f.Details)
	}
	for _, w := range words {
		if !strings.Contains(f.Msg+"\n"+f.Details, w) {
			r.Errorf("%s: %q, %q does not say %q", a.command, f.Msg, f.Details, w)
		}
	}
}

// result is the result of ADD, in the form of version 0.3.0 and later.
type result struct {
	CNIVersion string `json:"cniVersion"`
	Interfaces []struct {
		Name, Mac, Sandbox string
		Mtu                int
	}
	IPs []struct {
		Version, Address, Gateway string
		Interface                 int
	}
	Routes []map[string]any
	DNS    map[string]any
}

// add demands that ADD succeeds.
func (r *rig) add(container, netns, ifName string, more map[string]any) result {
	r.Helper()
	res, _ := r.added(container, netns, ifName, more)
	return res
}

// added is add, with the result as it was printed, as prevResult.
func (r *rig) added(container, netns, ifName string, more map[string]any) (result, json.RawMessage) {
	r.Helper()
	a := r.call("ADD", container, netns, ifName, more)
	r.ok(a)
	var res result
	if err := json.Unmarshal([]byte(a.out), &res); err != nil {
		r.Fatalf("%v:\n%s%s", err, a.out, a.stderr)
	}
	return res, json.RawMessage(a.out)
}

// sh runs a command of somebody else and returns what it prints.
func (r *rig) sh(format string, args ...any) string {
	r.Helper()
	line := fmt.Sprintf(format, args...)
	out, err := exec.Command("sh", "-c", line).CombinedOutput()
	if err != nil {
		r.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// machine is all that attachments may leave on a host.
func (r *rig) machine() string {
	r.Helper()
	const look = `ip -o link; ip -o addr; ip route; nft list ruleset; sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding; find /run/nslab 2>&1; true`
	out, err := exec.Command("sh", "-c", look).CombinedOutput()
	if err != nil {
		r.Fatalf("%v\n%s", err, out)
	}
	return strings.ReplaceAll(string(out), "tentative ", "") // whether IPv6 still asks around does not matter
}

// held are the reservations of the network.
func (r *rig) held() []string {
	r.Helper()
	files, _ := filepath.Glob(filepath.Join(r.dir, "ipam/lab/*.*.*.*"))
	var out []string
	for _, f := range files {
		out = append(out, filepath.Base(f))
	}
	return out
}
