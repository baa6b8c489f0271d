package cni_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"nslab/lab/cni"
)

// TestContainerd has the runtime of most clusters run containers on
// nslab-bridge: it names their namespaces by a process, and calls DEL when that
// is gone, with no namespace at all. Of a container that was only started it
// never says that it is over: that is for GC.
func TestContainerd(t *testing.T) {
	c := newContainerd(newRig(t))
	nothing := c.machine()
	if out := c.ctr("run --rm %s one /bin/ip addr show eth0", c.flags); !strings.Contains(out, "inet 10.66.0.2/24") {
		t.Errorf("the container's address:\n%s", out)
	}
	c.ctr("run --rm %s two /bin/ping -c 1 -w 5 10.66.0.1", c.flags)
	calls := c.sh("cat %s/calls", c.dir)
	for _, want := range []string{"ADD default-one /proc/", "DEL default-one none", "ADD default-two /proc/", "DEL default-two none"} {
		if !strings.Contains(calls, want) {
			t.Errorf("containerd did not call %q, but\n%s", want, calls)
		}
	}
	if diff := cmp.Diff(nothing, c.machine()); diff != "" || len(c.held()) > 0 {
		t.Errorf("held %v, left behind:\n%s", c.held(), diff)
	}

	c.ctr("run -d %s web /bin/httpd -f -p 80 -h /www", c.flags)
	if got := c.sh("curl -sS --retry 5 --retry-connrefused --max-time 5 http://%s/", c.held()[0]); got != "hello\n" {
		t.Errorf("in the container answers %q", got)
	}
	c.ctr("task kill -s KILL web")
	c.sh("timeout 20 sh -c 'until ctr --address %s/s task rm web; do :; done'", c.dir) // when it has ended
	c.ctr("containers rm web")
	if held := c.held(); len(held) != 1 {
		t.Errorf("held: %v, want one: nobody has called DEL", held)
	}
	c.ok(c.call("GC", "", "", "", valid()))
	if diff := cmp.Diff(nothing, c.machine()); diff != "" || len(c.held()) > 0 {
		t.Errorf("held %v, left behind after GC:\n%s", c.held(), diff)
	}
}

// containerd is a daemon with everything that it keeps in a directory of its own.
type containerd struct {
	*rig
	flags string // of ctr run
}

func newContainerd(r *rig) containerd {
	r.Helper()
	busybox := r.programs("containerd", "ctr", "crun", "curl", "busybox")
	r.alone()
	c := containerd{r, fmt.Sprintf("--cni --cgroup= --runc-binary %s/crun --rootfs %s", r.dir, r.rootfs(busybox))}
	c.configure()
	c.start()
	return c
}

// configure puts the network and the plugin where ctr looks for them, and in
// between what writes the calls down.
func (c containerd) configure() {
	c.Helper()
	for _, dir := range []string{"/etc", "/opt"} {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			c.Fatal(err)
		}
		c.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	}
	c.conf["type"] = "traced"
	c.chain("1.0.0")
	c.conf["cniVersion"], c.conf["name"], c.conf["type"] = "1.1.0", "lab", cni.Plugin
	c.sh("mkdir -p /etc/cni/net.d /opt/cni/bin && cp %s/lab.conflist /etc/cni/net.d", c.dir)
	for file, script := range map[string]string{
		"/opt/cni/bin/traced":        `echo "$CNI_COMMAND $CNI_CONTAINERID ${CNI_NETNS:-none}" >>%[1]s/calls; exec %[1]s/nslab-bridge`,
		filepath.Join(c.dir, "crun"): `exec crun --cgroup-manager=disabled "$@"`,
	} {
		text := "#!/bin/sh\n" + strings.ReplaceAll(script, "%[1]s", c.dir) + "\n"
		if err := os.WriteFile(file, []byte(text), 0o700); err != nil { //nolint:gosec // a program
			c.Fatal(err)
		}
	}
}

// start starts the daemon, which answers when its socket is there.
func (c containerd) start() {
	c.Helper()
	conf := filepath.Join(c.dir, "config.toml")
	text := fmt.Sprintf("version = 2\nroot = \"%[1]s/root\"\nstate = \"%[1]s/state\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"+
		"[grpc]\naddress = \"%[1]s/s\"\n[ttrpc]\naddress = \"%[1]s/t\"\n", c.dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
	daemon := exec.Command("containerd", "--config", conf, "--log-level", "warn") // it ends after the test's context
	if err := daemon.Start(); err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		_ = daemon.Process.Signal(unix.SIGTERM)
		_ = daemon.Wait()
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for exec.Command("ctr", "--address", c.dir+"/s", "version").Run() != nil {
		select {
		case <-tick.C:
		case <-late:
			c.Fatal("containerd does not answer at", c.dir+"/s")
		}
	}
}

func (c containerd) ctr(format string, args ...any) string {
	c.Helper()
	return c.sh("timeout 60 ctr --address %s/s %s", c.dir, fmt.Sprintf(format, args...))
}
