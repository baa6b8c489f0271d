package cni_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
)

func rowStatic(r *rig) {
	dir := oracles(r.T)
	netns := r.container("c1")
	r.conf["ipam"] = map[string]any{
		"type": "static", "addresses": []map[string]string{{"address": "10.66.0.9/24", "gateway": "10.66.0.254"}, {"address": "fd66::9/64"}},
		"routes": []map[string]string{{"dst": "0.0.0.0/0"}}, "dns": map[string]any{"nameservers": []string{"10.66.0.53"}},
	}
	for name, more := range map[string]map[string]any{
		"the file":      nil,
		"args":          {"args": map[string]any{"cni": map[string]any{"ips": []string{"10.66.0.10/24"}}}},
		"runtimeConfig": {"runtimeConfig": map[string]any{"ips": []string{"10.66.0.11/24"}}, "args": map[string]any{"cni": map[string]any{"ips": []string{"10.66.0.10/24"}}}},
	} {
		_, prev := r.added("c1", netns, "eth0", more)
		check := map[string]any{"prevResult": prev}
		maps.Copy(check, more)
		r.ok(r.call("CHECK", "c1", netns, "eth0", check))
		check["args"], check["runtimeConfig"] = nil, nil
		check["ipam"] = map[string]any{"type": "static", "addresses": []map[string]string{{"address": "10.66.0.77/24"}}}
		r.fails(r.call("CHECK", "c1", netns, "eth0", check), 101, "10.66.0.77/24")
		r.ok(r.call("DEL", "c1", netns, "eth0", more))
		r.beside(dir, "static") // the reference, with the same words
		_, want := r.added("c1", netns, "eth0", more)
		r.ok(r.call("DEL", "c1", netns, "eth0", more))
		r.sh("rm %s/static", r.dir)
		if diff := cmp.Diff(string(want), string(prev)); diff != "" {
			r.Errorf("%s: the reference's static and nslab's:\n%s", name, diff)
		}
	}
	for _, bad := range []string{`{"type": "static"}`, `{"type": "static", "addresses": [{"address": "10.66.0.9"}]}`, `{"type": "static", "addresses": [{"address": "10.66.0.9/24", "gateway": "red"}]}`} {
		r.fails(r.call("ADD", "c1", netns, "eth0", map[string]any{"ipam": json.RawMessage(bad)}), 7, "ipam static: ")
	}
}

// rowDHCP delegates to the reference's dhcp, with its daemon and somebody
// else's server on the bridge.
func rowDHCP(r *rig) {
	const dhcp = "/usr/lib/cni/dhcp"
	if _, err := os.Stat(dhcp); err != nil {
		r.Skip(dhcp, "is not installed")
	}
	r.beside("/usr/lib/cni", "dhcp")
	netns := r.namespace("c1")
	socket := r.socket()
	r.conf["cniVersion"] = "1.0.0"
	r.conf["isGateway"] = false
	r.conf["ipam"] = map[string]any{"type": "dhcp", "daemonSocketPath": socket}
	before := r.machine()
	r.fails(r.call("ADD", "c1", netns, "eth0", nil), 999, "dhcp.sock")
	if diff := cmp.Diff(before, r.machine()); diff != "" || strings.Contains(r.sh("ip -n c1 -o link"), "eth0") {
		r.Errorf("without the daemon ADD leaves behind:\n%s", diff)
	}
	r.sh("ip link add nsl0 type bridge && ip addr add 10.66.0.1/24 dev nsl0 && ip link set nsl0 up")
	r.Cleanup(func() { r.sh("ip link del nsl0") })
	r.dhcpServer()
	r.dhcpDaemon(dhcp, socket)
	res, prev := r.added("c1", netns, "eth0", nil)
	if len(res.IPs) != 1 || res.IPs[0].Address != "10.66.0.100/24" || res.IPs[0].Gateway != "10.66.0.1" {
		r.Errorf("%+v", res)
	}
	r.sh("ip netns exec c1 ping -c 1 -W 2 10.66.0.1")
	r.ok(r.call("CHECK", "c1", netns, "eth0", map[string]any{"prevResult": prev}))
	heard, err := net.ListenPacket("ip4:udp", "0.0.0.0")
	if err != nil {
		r.Fatal(err)
	}
	defer heard.Close()
	r.ok(r.call("DEL", "c1", netns, "eth0", nil))
	r.released(heard)
}

// rowLease has nslab ask itself, with somebody else's server on the bridge, which
// has one address.
func rowLease(r *rig) {
	first, second := r.namespace("c1"), r.namespace("c2")
	r.conf["cniVersion"], r.conf["isGateway"], r.conf["ipam"] = "1.0.0", false, map[string]any{"type": "dhcp"}
	before := r.machine()
	r.fails(r.call("ADD", "c2", second, "eth0", nil), 11, "ipam dhcp: eth0 has asked for an address, and nobody has answered", "has it an address left?")
	if diff := cmp.Diff(before, r.machine()); diff != "" || strings.Contains(r.sh("ip -n c2 -o link"), "eth0") {
		r.Errorf("without a server ADD leaves behind:\n%s", diff)
	}
	r.sh("ip link add nsl0 type bridge && ip addr add 10.66.0.1/24 dev nsl0 && ip link set nsl0 up")
	r.Cleanup(func() { r.sh("ip link del nsl0") })
	r.dhcpServer()
	_, prev := r.added("c1", first, "eth0", nil)
	r.sh("ip netns exec c1 ping -c 1 -W 2 10.66.0.1")
	r.ok(r.call("CHECK", "c1", first, "eth0", map[string]any{"prevResult": prev}))
	r.ok(r.call("DEL", "c1", first, "eth0", nil))
	r.ok(r.call("DEL", "c1", first, "eth0", nil))
	r.add("c2", second, "eth0", nil)
	r.ok(r.call("DEL", "c2", second, "eth0", nil))
	r.reference("c1", first, prev)
}

// reference compares with what its dhcp answers to the same server.
func (r *rig) reference(container, netns string, want json.RawMessage) {
	r.Helper()
	const dhcp = "/usr/lib/cni/dhcp"
	if _, err := os.Stat(dhcp); err != nil {
		return
	}
	r.beside(filepath.Dir(dhcp), "dhcp")
	socket := r.socket()
	r.dhcpDaemon(dhcp, socket)
	r.conf["ipam"] = map[string]any{"type": "dhcp", "daemonSocketPath": socket}
	_, got := r.added(container, netns, "eth0", nil)
	r.ok(r.call("DEL", container, netns, "eth0", nil))
	if diff := cmp.Diff(string(got), string(want)); diff != "" {
		r.Errorf("the reference's dhcp and nslab's:\n%s", diff)
	}
}

// released waits for the DHCPRELEASE of a client, which only the cable can have
// brought: RFC 2131, option 53 of RFC 2132 behind the header of UDP and 240 bytes.
func (r *rig) released(heard net.PacketConn) {
	r.Helper()
	b := make([]byte, 1500)
	for err := heard.SetReadDeadline(time.Now().Add(5 * time.Second)); ; {
		n, _, rerr := heard.ReadFrom(b)
		if err = errors.Join(err, rerr); err != nil {
			r.Errorf("DEL has not given the lease back: %v", err)
			return
		}
		if n > 251 && bytes.Equal(b[248:251], []byte{53, 1, 7}) {
			return
		}
	}
}

// dhcpServer gives a single address on the bridge.
func (r *rig) dhcpServer() {
	r.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		r.Skip("busybox is not installed")
	}
	conf := filepath.Join(r.dir, "udhcpd.conf")
	text := fmt.Sprintf("interface nsl0\nstart 10.66.0.100\nend 10.66.0.100\nmax_leases 1\nlease_file %[1]s/leases\npidfile %[1]s/pid\n"+
		"option subnet 255.255.255.0\noption router 10.66.0.1\noption lease 600\n", r.dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
	r.background(exec.Command(busybox, "udhcpd", "-f", "-I", "10.66.0.1", conf))
}

// socket is a path for that of a daemon: it may have 108 bytes, unix(7), and
// r.dir may take more.
func (r *rig) socket() string {
	r.Helper()
	dir, err := os.MkdirTemp("/tmp", "nslab-dhcp-")
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "dhcp.sock")
}

// dhcpDaemon keeps leases for dhcp. It is given its socket, so it listens from
// the first moment: sd_listen_fds(3).
func (r *rig) dhcpDaemon(dhcp, socket string) {
	r.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		r.Fatal(err)
	}
	defer l.Close()
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	f, err := l.(*net.UnixListener).File()
	if err != nil {
		r.Fatal(err)
	}
	defer f.Close()
	daemon := exec.Command("sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec "+dhcp+" daemon")
	daemon.ExtraFiles = []*os.File{f}
	r.background(daemon)
}

// background runs a program until the test ends.
func (r *rig) background(cmd *exec.Cmd) {
	r.Helper()
	cmd.Stderr = r.Output()
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// rowDelegateTooOld: Debian 12 has a host-local that does not know 1.1.0.
func rowDelegateTooOld(r *rig) {
	netns := r.container("c1")
	r.delegate("host-local", `echo '{"cniVersion": "1.0.0", "code": 1, "msg": "incompatible CNI versions"}'; exit 1`)
	_, prev := r.added("c1", netns, "eth0", nil)
	if held := r.held(); len(held) != 1 || held[0] != "10.66.0.2" {
		r.Errorf("held: %v", held)
	}
	r.ok(r.call("CHECK", "c1", netns, "eth0", map[string]any{"prevResult": prev}))
	r.ok(r.call("STATUS", "", "", "", nil))
	r.ok(r.call("GC", "", "", "", valid("c1/eth0")))
	r.ok(r.call("DEL", "c1", netns, "eth0", nil))
	r.add("c1", netns, "eth0", nil)
	r.ok(r.call("GC", "", "", "", valid()))
	if held := r.held(); len(held) > 0 {
		r.Errorf("held: %v", held)
	}
	if n := len(r.calls("host-local")); n < 7 {
		r.Errorf("host-local was called %d times, want it to be asked first", n)
	}
	r.delegate("mine", `echo '{"cniVersion": "1.0.0", "code": 1, "msg": "incompatible CNI versions"}'; exit 1`)
	r.fails(r.call("ADD", "c1", netns, "eth0", map[string]any{"ipam": map[string]string{"type": "mine"}}), 1, "ipam mine: incompatible")
}
