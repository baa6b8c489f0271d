package cni_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/cni"
)

// TestPodman has a real runtime run containers on nslab-bridge: podman 4, the
// last one that calls CNI plugins.
func TestPodman(t *testing.T) {
	for _, publishes := range []string{"portmap", cni.Plugin} {
		t.Run(publishes, func(t *testing.T) { newPodman(newRig(t), publishes).drive() })
	}
}

func (p podman) drive() {
	p.Helper()
	r, nothing := p.rig, p.machine()
	out := p.run("run --rm --cgroups=disabled --network lab --rootfs %s ip addr show eth0", p.rootfs)
	if !strings.Contains(out, "inet 10.66.0.2/24") {
		r.Errorf("the container's address:\n%s", out)
	}
	p.run("run -d --cgroups=disabled --name web --network lab:ip=10.66.0.50,mac=02:00:00:00:00:50 -p 8098:80 --rootfs %s httpd -f -p 80 -h /www", p.rootfs)
	if out := p.run("exec web ip addr show eth0"); !strings.Contains(out, "inet 10.66.0.50/24") || !strings.Contains(out, "02:00:00:00:00:50") {
		r.Errorf("the container's addresses:\n%s", out)
	}
	p.run("exec web ping -c 1 -w 5 10.66.0.1")
	published := func() {
		if got := r.sh("curl -sS --max-time 5 http://10.66.0.1:8098/ http://127.0.0.1:8098/"); got != "hello\nhello\n" {
			r.Errorf("at the published port answers %q", got)
		}
	}
	published()
	p.run("network reload web")
	published()
	p.run("rm -f -t0 web")
	if p.publishes == "portmap" {
		r.sh("nft delete table ip nat; sysctl -qw net.ipv4.ip_forward=0") // it leaves its chains
	}
	if diff := cmp.Diff(nothing, r.machine()); diff != "" || len(r.held()) > 0 {
		r.Errorf("held %v, left behind:\n%s", r.held(), diff)
	}
}

// podman is podman with everything that it keeps in a directory of its own.
type podman struct {
	*rig
	rootfs    string
	publishes string // the plugin that publishes ports
}

// newPodman prepares the private machine for it, and a root directory for
// containers, which has but busybox.
func newPodman(r *rig, publishes string) podman {
	r.Helper()
	busybox := r.programs("podman", "crun", "conmon", "curl", "busybox")
	if version := r.sh("podman --version"); !strings.HasPrefix(version, "podman version 4.") {
		r.Skip("podman 4 is not installed, but", version)
	}
	r.alone()
	p := podman{r, r.rootfs(busybox), publishes}
	p.configure()
	return p
}

// configure writes the configuration of podman and of the network.
func (p podman) configure() {
	p.Helper()
	text := fmt.Sprintf(`[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
[containers]
log_driver = "k8s-file"
[network]
network_backend = "cni"
cni_plugin_dirs = [%q]
network_config_dir = %q
`, p.dir, p.dir)
	p.conf["capabilities"] = map[string]bool{"ips": true, "mac": true, "portMappings": p.publishes == cni.Plugin}
	p.conf["hairpinMode"] = true
	if p.publishes == "portmap" {
		p.beside(oracles(p.T), "portmap")
		p.chain("1.0.0", map[string]any{"type": "portmap", "capabilities": map[string]bool{"portMappings": true}, "snat": true})
	} else {
		p.chain("1.0.0")
	}
	if err := os.WriteFile(filepath.Join(p.dir, "containers.conf"), []byte(text), 0o600); err != nil {
		p.Fatal(err)
	}
}

func (p podman) run(format string, args ...any) string {
	p.Helper()
	return p.sh("CONTAINERS_CONF=%[1]s/containers.conf podman --root %[1]s/root --runroot /run/podman --storage-driver vfs %[2]s", p.dir, fmt.Sprintf(format, args...))
}
