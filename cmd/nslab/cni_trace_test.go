package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTrace watches a runtime whose second plugin refuses: what was asked, what
// was answered, and that the exit status is the runtime's.
func TestTrace(t *testing.T) {
	if os.Geteuid() != 0 {
		again(t)
		return
	}
	r := newRuntimeRig(t)
	net := `{"name": "lab", "cniVersion": "1.0.0", "plugins": [{"type": "one"}, {"type": "bad"}]}`
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{"nslab", "cni", "trace", "--", named(t), "cni", "add", net, "c1"}
	cmd.Env = append(os.Environ(), "CNI_PATH="+r.dir)
	text, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != exitBuild {
		t.Errorf("the exit status is not the command's: %v", err)
	}
	for _, want := range []string{
		"ADD one  ", "  CNI_CONTAINERID=nslab-c1\n  CNI_NETNS=/run/netns/c1\n  CNI_IFNAME=eth0\n", `  <   "type": "one"`,
		"  > {\n", `"10.0.0.1/24"`, "  exit status 0\nADD bad  ", `  >   "msg": "no room"`, "  exit status 1\nDEL bad  ", "DEL one  ",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("want %q in:\n%s", want, text)
		}
	}
}

// named is this program under the name nslab.
func named(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	path := filepath.Join(t.TempDir(), "nslab")
	if err == nil {
		err = os.Symlink(self, path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOwnPlugins attaches where no plugin is installed: nslab itself is bridge
// and host-local, and the trace of it is a file that stand-ins have written.
func TestOwnPlugins(t *testing.T) {
	if os.Geteuid() != 0 {
		again(t)
		return
	}
	r := newRuntimeRig(t)
	net := `{"name": "own", "cniVersion": "1.1.0", "plugins": [{"type": "bridge", "bridge": "own0", "isGateway": true,
		"ipam": {"type": "host-local", "dataDir": "` + t.TempDir() + `", "subnet": "10.66.0.0/24"}}]}`
	r.want(r.does("add", net, "c1"), "ADD nslab-bridge")
	r.want(r.does("check", net, "c1"), "CHECK nslab-bridge")
	addr, err := exec.Command("ip", "-n", "c1", "-j", "addr", "show", "eth0").Output()
	var links []struct {
		Info []struct{ Local string } `json:"addr_info"`
	}
	if err != nil || json.Unmarshal(addr, &links) != nil || len(links) != 1 || len(links[0].Info) == 0 || links[0].Info[0].Local != "10.66.0.2" {
		t.Errorf("c1 has %s (%v)", addr, err)
	}
	r.want(r.does("status", net), "STATUS nslab-bridge")
	r.want(r.does("del", net, "c1"), "DEL nslab-bridge")
	out, status := r.nslab("trace", "show", r.dir)
	i, j := strings.Index(out, "CHECK nslab-bridge"), strings.Index(out, "DEL nslab-bridge")
	if status != 0 || i < 0 || j < i {
		t.Errorf("trace show: exit status %d\n%s", status, out)
	}
	if out, status := r.nslab("trace", "show", r.dir+"/nowhere"); status != exitUsage || !strings.Contains(out, "nowhere: no such file") {
		t.Errorf("trace show of nothing: exit status %d\n%s", status, out)
	}
	tagged := strings.Replace(net, `"own0"`, `"own0", "vlan": 5`, 1)
	r.fails([]string{"add", tagged, "c1"}, "vlan: 5 is not supported (code 2)")
	r.does("add", net, "c1") // DEL after the failed ADD has left nothing to be remembered
	r.does("del", net, "c1")
	if links, err := exec.Command("ip", "-br", "link").Output(); err != nil || slices.Contains(strings.Fields(string(links)), "own0") {
		t.Errorf("left behind: %s (%v)", links, err)
	}
}
