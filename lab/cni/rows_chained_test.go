package cni_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// behind calls a plugin that comes behind nslab-bridge in a list.
func (r *rig) behind(plugin, command, container string, more map[string]any) answer {
	r.Helper()
	conf := map[string]any{"cniVersion": "1.1.0", "name": "lab", "type": plugin}
	maps.Copy(conf, more)
	in, err := json.Marshal(conf)
	if err != nil {
		r.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		r.Fatal(err)
	}
	own := filepath.Join(r.dir, plugin)
	if err := os.Symlink(self, own); err != nil && !errors.Is(err, fs.ErrExist) {
		r.Fatal(err)
	}
	cmd := exec.Command(own)
	cmd.Env = []string{"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + container, "CNI_NETNS=/run/netns/" + container, "CNI_IFNAME=eth0", "CNI_PATH=" + r.dir}
	cmd.Stdin = strings.NewReader(string(in))
	return r.finish(cmd)
}

// rowChained: nslab in the place of portmap and firewall, on a host that lets
// nothing through by itself.
func rowChained(r *rig) {
	before := r.machine()
	c1 := r.container("c1")
	_, prev := r.added("c1", c1, "eth0", nil)
	alone := r.machine()
	open := ports("8080:80")
	open["prevResult"] = prev
	for _, plugin := range []string{"nslab-portmap", "nslab-firewall"} {
		r.fails(r.behind(plugin, "CHECK", "c1", open), 101, "iptables")
		a := r.behind(plugin, "ADD", "c1", open)
		r.ok(a)
		if diff := cmp.Diff(string(prev), a.out); diff != "" {
			r.Errorf("%s does not hand on what it was given:\n%s", plugin, diff)
		}
		r.ok(r.behind(plugin, "CHECK", "c1", open))
		r.ok(r.behind(plugin, "STATUS", "", nil))
		r.ok(r.behind(plugin, "GC", "", valid("c1/eth0")))
		r.ok(r.behind(plugin, "CHECK", "c1", open))
		r.fails(r.behind(plugin, "ADD", "c1", ports("8080:80")), 7, "prevResult")
	}
	r.serves("c1", ":80", "10.66.0.1:8080")
	for _, rule := range []string{"-A FORWARD -s 10.66.0.2/32 .*ACCEPT", "-A FORWARD -d 10.66.0.2/32 .*RELATED,ESTABLISHED.*ACCEPT"} {
		r.sh("iptables -S FORWARD | grep -q -e '%s'", rule)
	}
	r.fails(r.behind("nslab-portmap", "ADD", "c2", with(open, "prevResult", strings.ReplaceAll(string(prev), "/c1", "/c2"))), 102, "nat PREROUTING")
	r.fails(r.behind("nslab-portmap", "ADD", "c1", with(ports("127.0.0.1:8081:80"), "prevResult", string(prev))), 2, "127.0.0.1")
	for plugin, keys := range map[string][]string{
		"nslab-portmap":  {`"externalSetMarkChain": "KUBE-MARK-MASQ"`, `"conditionsV4": ["-s","192.0.2.0/24"]`, `"snat": false`, `"masqAll": true`},
		"nslab-firewall": {`"ingressPolicy": "same-bridge"`, `"iptablesAdminChainName": "MINE"`, `"firewalldZone": "work"`, `"backend": "firewalld"`},
	} {
		for _, k := range keys {
			key, value, _ := strings.Cut(k, ": ")
			refused := with(open, strings.Trim(key, `"`), value)
			r.fails(r.behind(plugin, "ADD", "c1", refused), 2, strings.Trim(key, `"`), value)
			r.ok(r.behind(plugin, "DEL", "c9", refused))
		}
	}
	for _, plugin := range []string{"nslab-firewall", "nslab-portmap"} { // DEL need not be told what there was
		r.ok(r.behind(plugin, "DEL", "c1", nil))
		r.ok(r.behind(plugin, "DEL", "c1", nil))
	}
	if diff := cmp.Diff(alone, r.machine()); diff != "" {
		r.Errorf("left behind on the bridge:\n%s", diff)
	}
	r.ok(r.behind("nslab-firewall", "ADD", "c1", open))
	r.ok(r.behind("nslab-firewall", "GC", "", valid("c9/eth0")))
	r.ok(r.call("DEL", "c1", c1, "eth0", nil))
	if diff := cmp.Diff(before, r.machine()); diff != "" {
		r.Errorf("left behind:\n%s", diff)
	}
}

// with is a configuration with one key more, whose value is JSON.
func with(conf map[string]any, key, value string) map[string]any {
	out := maps.Clone(conf)
	out[key] = json.RawMessage(value)
	return out
}
