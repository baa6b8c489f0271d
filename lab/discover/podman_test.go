package discover_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/discover"
	"nslab/lab/kerneltest"
)

// TestRealPodman asks podman itself: by what it has on disk, and by its socket.
func TestRealPodman(t *testing.T) {
	kerneltest.Need(t)
	p := newPodman(t)
	p.run("run -d --cgroups=disabled --hostname shop --add-host db:10.9.8.7 --name web --network none --rootfs $DIR/rootfs sleep 600")
	p.run("run -d --cgroups=disabled --name side --network container:web --rootfs $DIR/rootfs sleep 600")
	for way, from := range map[string]discover.Sources{
		"disk":   {Sockets: map[string]string{}, Podman: []string{p.dir + "/root"}},
		"socket": {Sockets: map[string]string{"podman": p.serve()}, Podman: []string{}},
	} {
		m := read(t, from)
		web := m.Namespace("web")
		if web == nil || web.Container == nil || web.Container.Runtime != "podman" || len(m.Unseen) > 0 {
			t.Fatalf("%s: web is %+v; not seen %q", way, web, m.Unseen)
		}
		text := labFile(t, m)
		for _, want := range []string{`side:`, `network: "container:web"`, `"db": "10.9.8.7"`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in\n%s", way, want, text)
			}
		}
	}
}

// podman is podman with everything that it keeps in a directory of its own.
type podman struct {
	*testing.T
	dir string
}

func newPodman(t *testing.T) podman {
	t.Helper()
	for _, name := range []string{"podman", "crun", "conmon", "busybox"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name, "is not installed")
		}
	}
	if ids, err := os.ReadFile("/proc/self/uid_map"); err != nil || !slices.Equal(strings.Fields(string(ids)), []string{"0", "0", "4294967295"}) {
		t.Skip("needs root")
	}
	for _, dir := range []string{"/sys/fs/cgroup", "/dev/shm", "/var/lib"} {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	}
	p := podman{t, podmanDir(t)}
	t.Cleanup(func() { p.run("rm -f -t0 web") })
	t.Cleanup(func() { p.run("rm -f -t0 side") })
	sh(t, "mkdir -p "+p.dir+"/rootfs/bin; cp $(command -v busybox) "+p.dir+"/rootfs/bin; ln -s busybox "+p.dir+`/rootfs/bin/sleep
		printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "crun"\n[containers]\nlog_driver = "k8s-file"\n[network]\nnetwork_backend = "cni"\n' >`+p.dir+"/containers.conf")
	return p
}

// podmanDir is removed when podman has written into it for the last time: it
// cleans up behind a container in a process that nobody waits for.
func podmanDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "podman") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		late := time.After(10 * time.Second)
		for os.RemoveAll(dir) != nil {
			select {
			case <-late:
				t.Error("podman does not leave", dir)
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return dir
}

func (p podman) command(words string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", "exec podman --root $DIR/root --runroot /run/containers/storage --storage-driver vfs "+words)
	cmd.Env = append(os.Environ(), "DIR="+p.dir, "CONTAINERS_CONF="+p.dir+"/containers.conf")
	return cmd
}

func (p podman) run(words string) {
	p.Helper()
	if out, err := p.command(words).CombinedOutput(); err != nil {
		p.Fatalf("podman %s: %v\n%s", words, err, out)
	}
}

// serve starts what answers on podman's socket; the socket is open before it is.
func (p podman) serve() string {
	p.Helper()
	path := filepath.Join(p.dir, "podman.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		p.Fatal(err)
	}
	f, err := l.(*net.UnixListener).File()
	if err != nil {
		p.Fatal(err)
	}
	cmd := p.command("system service --time 0")
	cmd.Args[2] = "export LISTEN_PID=$$ LISTEN_FDS=1; " + cmd.Args[2] // sd_listen_fds(3)
	cmd.ExtraFiles = []*os.File{f}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); l.Close() })
	return path
}
