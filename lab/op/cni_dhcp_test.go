package op_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
	"nslab/lab/plugins"
)

const daemonSocket = "/run/cni/dhcp.sock"

// leasing is an attachment that asks a server of DHCP.
func leasing(ns string) op.CNI {
	return op.CNI{
		NS: ns, IfName: "eth0", Network: "home",
		Conf: `{"name":"home","cniVersion":"1.0.0","plugins":[{"type":"nslab-bridge","bridge":"lan0","ipam":{"type":"dhcp"}}]}`,
	}
}

func TestNewDHCPDaemon(t *testing.T) {
	t.Parallel()
	for conf, want := range map[string]op.DHCPDaemon{
		leasing("a").Conf: {Socket: daemonSocket},
		`{"plugins":[{"type":"tuning"},{"type":"bridge","ipam":{"type":"dhcp","daemonSocketPath":"/run/cni/x"}}]}`: {Socket: "/run/cni/x"},
		attached("eth0").Conf: {}, `{"plugins":[{"ipam":7}]}`: {}, "": {},
	} {
		if got, needed := op.NewDHCPDaemon(conf); got != want || needed != (want != op.DHCPDaemon{}) {
			t.Errorf("%s: %v, %v", conf, got, needed)
		}
	}
}

// needDHCP skips where the plugin is not installed.
func needDHCP(t *testing.T) {
	t.Helper()
	kerneltest.Need(t)
	if plugins.Installed("dhcp") == "" {
		t.Skip("/usr/lib/cni/dhcp is not installed")
	}
}

// A server has one address. Whoever has it gives it back, with the plugin and its
// daemon, also one that was killed, and without.
func TestLease(t *testing.T) {
	kerneltest.Need(t)
	for _, room := range []string{"router", "laptop", "phone"} {
		kerneltest.Namespace(t, room)
	}
	run(t, "ip", "link", "add", "lan0", "type", "bridge")
	run(t, "ip", "link", "add", "port", "master", "lan0", "type", "veth", "peer", "eth0", "netns", "router")
	run(t, "ip", "-n", "router", "addr", "add", "10.67.0.1/24", "dev", "eth0")
	for _, up := range []string{"link set lan0 up", "link set port up", "-n router link set eth0 up"} {
		run(t, append([]string{"ip"}, strings.Fields(up)...)...)
	}
	k, was := remembering("test")
	k.Dir = t.TempDir()
	daemon := op.DHCPDaemon{Socket: daemonSocket}
	path := map[string]string{"by nslab": t.TempDir(), "by the plugin": os.Getenv("CNI_PATH")}
	for name, dir := range path {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CNI_PATH", dir)
			if dir != path["by nslab"] {
				needDHCP(t)
			}
			stand(t, k, op.Service{NS: "router", Kind: "dhcp", Port: 67, Argv: `["eth0","10.67.0.1/24","10.67.0.100","10.67.0.100","3600","10.67.0.1"]`})
			makeFact(t, k, was, daemon)
			t.Cleanup(func() { undo(t, k, daemon) })
			for _, ns := range []string{"laptop", "phone", "laptop"} {
				stand(t, k, leasing(ns))
				wantTrue(t, k, leasing(ns))
				run(t, "ip", "netns", "exec", ns, "ping", "-c1", "-W2", "10.67.0.1")
				if got := must(t, ns, "ip -o -4 addr show eth0") + must(t, ns, "ip route"); !strings.Contains(got, "10.67.0.100/24") || !strings.Contains(got, "default via 10.67.0.1 dev eth0") {
					t.Errorf("%s has %s", ns, got)
				}
				undo(t, k, leasing(ns))
			}
			stand(t, k, leasing("phone"))
			killDaemon(t, k)
			undo(t, k, leasing("phone"))
			undo(t, k, daemon)
			if _, err := os.Lstat(filepath.Dir(daemonSocket)); err == nil {
				t.Errorf("%s is still there", filepath.Dir(daemonSocket))
			}
		})
	}
}

// killDaemon ends the daemon, if one is written down, without a chance to tidy up.
func killDaemon(t *testing.T, k *op.Kernel) {
	t.Helper()
	files, _ := filepath.Glob(k.Dir + "/services/cni-*.pid")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		pid, _ := strconv.Atoi(strings.Fields(string(b))[0])
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		err = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		if n, perr := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000); err != nil || n != 1 {
			t.Fatalf("kill the daemon: %v, %v", err, perr)
		}
	}
}

// The daemon of somebody else is used and stays; a socket that he has left is in
// the way; the lab's own is found by its mark when nothing is written down.
func TestDHCPDaemon(t *testing.T) {
	needDHCP(t)
	dir := t.TempDir()
	k, was := remembering("test")
	k.Dir = filepath.Join(dir, "test")
	d := op.DHCPDaemon{Socket: daemonSocket}
	wantFalse(t, k, d, "does not listen")
	if err := os.MkdirAll(filepath.Dir(daemonSocket), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(daemonSocket)) })
	l, err := net.Listen("unix", daemonSocket)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	wantTrue(t, k, d)
	stand(t, k, d)
	undo(t, k, d)
	wantTrue(t, k, d)
	l.Close()
	if err := d.Do(k); err == nil || !strings.Contains(err.Error(), "rm "+daemonSocket) {
		t.Errorf("over a socket that somebody has left: %v", err)
	}
	run(t, "rm", daemonSocket)
	stand(t, k, d)
	undo(t, k, d)
	run(t, "rmdir", filepath.Dir(daemonSocket)) // which was there before the lab
	makeFact(t, k, was, d)
	if err := os.RemoveAll(k.Dir); err != nil {
		t.Fatal(err)
	}
	traces, err := op.Traces(dir)
	if err != nil || len(traces) != 1 || traces[0].Lab != "test" {
		t.Fatalf("%v, %v: want the daemon", traces, err)
	}
	if err := traces[0].Remove(); err != nil {
		t.Error(err)
	}
	wantFalse(t, k, d, "does not listen")
	if _, err := os.Lstat(filepath.Dir(daemonSocket)); err == nil {
		t.Errorf("%s is still there", filepath.Dir(daemonSocket))
	}
}

// deafDaemon makes the socket and does not listen.
func deafDaemon(socket string) int {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: socket})
	}
	if err == nil {
		err = unix.Pause()
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// A daemon that hangs before it listens is given up, and nothing is left of it.
func TestDHCPDaemonHangs(t *testing.T) {
	kerneltest.Need(t)
	bin := t.TempDir()
	self, err := os.Readlink("/proc/self/exe")
	if err := errors.Join(err, os.Symlink(self, bin+"/dhcp")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CNI_PATH", bin)
	k, was := remembering("hangs")
	k.Dir = t.TempDir()
	d := op.DHCPDaemon{Socket: "/run/hangs/in/dhcp.sock"}
	if was[d], err = d.Before(k); err != nil || was[d] != "/run/hangs" {
		t.Fatalf("Before: %q, %v", was[d], err)
	}
	if err := d.Do(k); err == nil || !strings.Contains(err.Error(), "does not listen 5s later") {
		t.Errorf("Do: %v", err)
	}
	undo(t, k, d)
	if _, err := os.Lstat("/run/hangs"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was made for it is left: %v", err)
	}
}
