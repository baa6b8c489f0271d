package serve_test

import (
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/op"
	"nslab/lab/serve"
)

func proxy(proto, from, to string) op.Proxy {
	at := netip.MustParseAddrPort(from)
	return op.Proxy{NS: "red", Proto: proto, HostIP: at.Addr(), HostPort: at.Port(), To: netip.MustParseAddrPort(to)}
}

func TestProxyHandsOn(t *testing.T) {
	k := newKernel(t)
	for _, o := range []op.Op{
		op.Service{NS: "red", Kind: "tcp-echo", Port: 7},
		op.Service{NS: "red", Kind: "udp-echo", Port: 7},
		proxy("tcp", "0.0.0.0:7007", "127.0.0.1:7"), proxy("tcp", "[::]:7007", "127.0.0.1:7"),
		proxy("udp", "0.0.0.0:7007", "127.0.0.1:7"), proxy("udp", "[::1]:7007", "127.0.0.1:7"),
	} {
		if err := o.Do(k); err != nil {
			t.Fatalf("%s: %v", o, err)
		}
		t.Cleanup(func() { _ = o.Undo(k) })
	}
	for _, proto := range []string{"tcp", "udp"} {
		for _, at := range []string{"127.0.0.1:7007", "127.0.0.9:7007", "[::1]:7007"} {
			if got := echo(t, k, proto, at); got != "ping" {
				t.Errorf("%s %s: %q", proto, at, got)
			}
		}
	}
	c := dial(t, k, "tcp", "127.0.0.1:7007")
	defer c.Close()
	const all = 1 << 20
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(make([]byte, all))
		_ = c.(*net.TCPConn).CloseWrite() // the echo answers still
		sent <- err
	}()
	got, err := io.ReadAll(c)
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if err != nil || len(got) != all {
		t.Errorf("%d bytes came back (%v), want %d", len(got), err, all)
	}
}

// A list of processes shows what Docker's shows, and ss(8) the same name.
func TestProxyLooksLikeDockers(t *testing.T) {
	k := newKernel(t)
	p := proxy("tcp", "0.0.0.0:8080", "172.17.0.2:80")
	if err := p.Do(k); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Undo(k) })
	files, err := os.ReadDir(k.Dir + "/services")
	if err != nil || len(files) != 1 {
		t.Fatalf("services: %v, %v", files, err)
	}
	pid := pidOf(t, k, strings.TrimSuffix(files[0].Name(), ".pid"))
	argv, err := os.ReadFile("/proc/" + pid + "/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	const want = "docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80 "
	if diff := cmp.Diff(want, strings.ReplaceAll(string(argv), "\x00", " ")); diff != "" {
		t.Errorf("argv (-want +got):\n%s", diff)
	}
	if comm, err := os.ReadFile("/proc/" + pid + "/comm"); string(comm) != "docker-proxy\n" {
		t.Errorf("comm: %q, %v", comm, err)
	}
	// Nobody is at 172.17.0.2: the client's connection is closed.
	c := dial(t, k, "tcp", "127.0.0.1:8080")
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); len(b) > 0 || os.IsTimeout(err) {
		t.Errorf("read %q, %v, want the end", b, err)
	}
}

// Two cannot have one port, in Docker's words.
func TestProxyClash(t *testing.T) {
	k := newKernel(t)
	first := proxy("tcp", "127.0.0.1:8081", "172.17.0.2:80")
	if err := first.Do(k); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = first.Undo(k) })
	second := proxy("tcp", "0.0.0.0:8081", "172.17.0.3:80")
	err := second.Do(k)
	if err == nil || !strings.HasSuffix(err.Error(), ": listen tcp4 0.0.0.0:8081: bind: address already in use") {
		t.Errorf("the second: %v", err)
	}
	if d, err := second.Diff(k); err != nil || !strings.HasSuffix(d, " does not run") {
		t.Errorf("Diff: %q, %v", d, err)
	}
}

func TestProxyUsage(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"-host-ip 0.0.0.0", "-host-ip x -container-ip 10.0.0.1", "-proto sctp -host-ip ::1 -container-ip ::1", "-host-port x",
	} {
		if status := serve.Main(append([]string{"docker-proxy"}, strings.Fields(line)...), nil); status != 1 {
			t.Errorf("docker-proxy %s: exit status %d, want 1", line, status)
		}
	}
}
