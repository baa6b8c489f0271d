package cni_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCnitool lets the tool of the specification's authors drive a chain of
// nslab-bridge and the reference's portmap, with the reference's host-local.
func TestCnitool(t *testing.T) {
	dir := oracles(t)
	for _, v := range []string{"0.4.0", "1.0.0", "1.1.0"} {
		t.Run(v, func(t *testing.T) {
			r := newRig(t)
			ownVarLib(t)
			r.beside(dir, "host-local", "portmap")
			r.chain(v, map[string]any{"type": "portmap", "capabilities": map[string]bool{"portMappings": true}, "snat": true})
			nothing := r.machine()
			r.drive(filepath.Join(dir, "cnitool"), v)
			r.sh("nft delete table ip nat") // portmap leaves its chains
			if diff := cmp.Diff(nothing, r.machine()); diff != "" || len(r.held()) > 0 {
				r.Errorf("held %v, left behind:\n%s", r.held(), diff)
			}
		})
	}
}

// chain writes the configuration of the network for a version, with the plugins
// that come after nslab-bridge.
func (r *rig) chain(v string, behind ...any) {
	r.Helper()
	delete(r.conf, "cniVersion")
	delete(r.conf, "name")
	list, err := json.Marshal(map[string]any{"cniVersion": v, "name": "lab", "plugins": append([]any{r.conf}, behind...)})
	if err == nil {
		err = os.WriteFile(filepath.Join(r.dir, "lab.conflist"), list, 0o600)
	}
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) drive(tool, v string) {
	r.Helper()
	netns := r.namespace("c1")
	call := func(verb, ifName string) string {
		cmd := exec.Command(tool, verb, "lab", netns)
		cmd.Env = append(os.Environ(), "NETCONFPATH="+r.dir, "CNI_PATH="+r.dir, "CNI_IFNAME="+ifName,
			`CAP_ARGS={"portMappings": [{"hostPort": 8099, "containerPort": 80, "protocol": "tcp"}]}`)
		out, err := cmd.CombinedOutput()
		if err != nil {
			r.Errorf("cnitool %s: %v\n%s", verb, err, out)
		}
		return string(out)
	}
	for _, collect := range []bool{true, false} {
		if out := call("add", "eth0"); !strings.Contains(out, fmt.Sprintf(`"cniVersion": "%s"`, v)) || !strings.Contains(out, `"10.66.0.`) {
			r.Errorf("cnitool add: %s", out)
		}
		r.serves("c1", ":80", "10.66.0.1:8099")
		for _, verb := range []string{"check", "status"} {
			if out := call(verb, "eth0"); out != "" {
				r.Errorf("cnitool %s: %s", verb, out)
			}
		}
		if collect {
			call("gc", "eth0") // names no list: cnitool itself deletes what it has made
		}
		call("del", "eth0")
		call("del", "eth0")
	}
}
