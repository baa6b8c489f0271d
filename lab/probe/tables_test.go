package probe_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"nslab/lab/op"
	"nslab/lab/probe"
	"nslab/topology"
)

// Questions about tables, files and commands, with what is said when the
// expectation is wrong.
func TestTables(t *testing.T) {
	n := newNet(t)
	n.kernel.AllowCommands = true
	n.serve(t, op.Service{NS: "red", Kind: "tcp-echo", Port: 7})
	n.serve(t, op.Service{NS: "blue", Kind: "tcp-echo", Port: 7, OwnPID: true})
	n.ask(t, "ping", mapping("from", "red", "to", "10.0.0.254"), topology.Value{}, "")
	anything := topology.Value{}
	tests := []struct {
		kind         string
		args, expect topology.Value
		status       probe.Status
		message      string
	}{
		{"route", mapping("in", "red", "to", "blue"), mapping("via", "10.0.0.254", "dev", "eth0", "src", "10.0.0.1"), probe.Passed, ""},
		{"route", mapping("in", "red", "to", "fd00:0:0:b::2"), mapping("via", "fd00:0:0:a::fe"), probe.Passed, ""},
		{"route", mapping("in", "red", "to", "rt"), mapping("dev", "eth0"), probe.Passed, ""},
		{"route", mapping("in", "lonely", "to", "blue"), word("none"), probe.Passed, ""},
		{"route", mapping("in", "lonely", "to", "blue"), anything, probe.Failed, "expected present, got absent (Network is unreachable: lonely has no route to 10.0.1.2)"},
		{"route", mapping("in", "red", "to", "rt"), mapping("via", "10.0.0.254"), probe.Failed, "expected via 10.0.0.254, got present (10.0.0.254 dev eth0 src 10.0.0.1)"},
		{"address", mapping("in", "red", "on", "eth0"), mapping("has", "10.0.0.1/24"), probe.Passed, ""},
		{"address", mapping("in", "red", "on", "eth0"), list("fd00:0:0:a::1/64", "10.0.0.1/24"), probe.Passed, ""},
		{"address", mapping("in", "red", "on", "eth9"), word("none"), probe.Passed, ""},
		{"address", mapping("in", "red", "on", "eth0"), mapping("has", "10.0.0.1/16"), probe.Failed, "expected 10.0.0.1/16, got present (eth0 in red has 10.0.0.1/24 and fd00:0:0:a::1/64)"},
		{"address", mapping("in", "red", "on", "eth9"), anything, probe.Failed, "expected present, got absent (red has no interface eth9)"},
		{"neighbour", mapping("in", "red", "address", "10.0.0.254", "on", "eth0"), anything, probe.Passed, ""},
		{"neighbour", mapping("in", "red", "address", "10.0.0.254"), anything, probe.Passed, ""},
		{"neighbour", mapping("in", "blue", "address", "10.0.0.254"), word("absent"), probe.Passed, ""},
		{"neighbour", mapping("in", "blue", "address", "10.0.0.254"), anything, probe.Failed, "expected present, got absent (blue has not learnt 10.0.0.254)"},
		{"neighbour", mapping("in", "blue", "address", "10.0.0.254", "on", "eth7"), anything, probe.Failed, "expected present, got absent (blue has no interface eth7)"},
		{"link", mapping("in", "red", "on", "eth0"), mapping("kind", "veth", "mtu", "1500", "state", "up", "promiscuity", "0"), probe.Passed, ""},
		{"link", mapping("in", "rt", "on", "r0"), mapping("peer", "eth0"), probe.Passed, ""},
		{"link", mapping("in", "red", "on", "eth9"), word("none"), probe.Passed, ""},
		{"link", mapping("in", "red", "on", "lo"), mapping("mac", "02:42:AC:11:00:02"), probe.Failed, "expected mac 02:42:ac:11:00:02, got present (lo in red: device, state up, mtu 65536, promiscuity 0)"},
		{"namespace", among(mapping(), list("red", "blue")), word("different"), probe.Passed, ""},
		{"namespace", among(mapping(), list("red", "red")), anything, probe.Passed, ""},
		{"namespace", among(mapping(), list("host", "red")), anything, probe.Failed, "expected one namespace, got different (host is net:["},
		{"namespace", among(mapping(), list("host", "red", "red")), word("different"), probe.Failed, "expected several namespaces, got mixed (host is net:["},
		{"listen", mapping("in", "blue", "at", "80"), anything, probe.Passed, ""},
		{"listen", mapping("in", "blue", "at", "7"), word("taken"), probe.Passed, ""},
		{"listen", mapping("in", "blue", "at", "7/udp"), anything, probe.Passed, ""},
		{"listen", mapping("in", "blue", "at", "127.0.0.1:7"), anything, probe.Failed, "expected free, got taken (bind TCP 127.0.0.1:7 in blue: address already in use)"},
		{"listen", mapping("in", "blue", "at", "10.9.9.9:7"), anything, probe.Broken, "could not be asked: bind TCP 10.9.9.9:7 in blue: cannot assign requested address"},
		{"packet", mapping("from", "red", "to", "blue", "in", "rt", "on", "r1"), mapping("src", "10.0.0.1", "dst", "10.0.1.2", "ttl", "63", "size", "84"), probe.Passed, ""},
		{"packet", mapping("from", "red", "to", "fd00:0:0:b::2", "in", "rt", "on", "r0"), mapping("src", "fd00:0:0:a::1", "ttl", "64", "size", "104"), probe.Passed, ""},
		{"packet", mapping("from", "red", "to", "blue", "in", "dark", "on", "eth0"), word("none"), probe.Passed, ""},
		{"packet", mapping("from", "red", "to", "blue", "in", "dark", "on", "eth0"), anything, probe.Failed, "expected present, got absent (the ping was answered and did not pass there)"},
		{"packet", mapping("from", "lonely", "to", "blue", "in", "rt", "on", "r0"), anything, probe.Failed, "expected present, got absent (it was not seen on r0 in rt: unreachable (Network is unreachable: lonely has no route to 10.0.1.2))"},
		{"packet", mapping("from", "red", "to", "blue", "in", "rt", "on", "r9"), anything, probe.Broken, "could not be asked: rt has no interface r9"},
		{"packet", mapping("from", "red", "to", "blue", "in", "rt", "on", "r0"), mapping("vni", "42"), probe.Failed, "expected vni 42, got present (IP 10.0.0.1 > 10.0.1.2, ttl 64, length 84: echo request)"},
		{"process", mapping("in", "red"), mapping("pid", "same"), probe.Passed, ""},
		{"process", mapping("in", "blue"), mapping("pid", "1"), probe.Passed, ""},
		{"process", mapping("in", "lonely"), word("none"), probe.Passed, ""},
		{"process", mapping("in", "lonely"), anything, probe.Failed, "expected present, got absent (no process is in lonely)"},
		{"process", mapping("in", "red"), mapping("pid", "1"), probe.Failed, "expected pid 1, got present (PID "},
		{"process", mapping("in", "blue"), mapping("pid", "same"), probe.Failed, "expected pid same, got present (PID "},
		{"command", argv("ip", "-br", "link"), mapping("stdout", "eth0@"), probe.Passed, ""},
		{"command", argv("false"), mapping("status", "1"), probe.Passed, ""},
		{"command", argv("ls", "/nowhere"), anything, probe.Failed, "expected status 0, got ran (status 2, output \"\", error \"ls: cannot access '/nowhere'"},
		{"command", argv("no-such-program"), anything, probe.Broken, "could not be asked: "},
	}
	for _, tt := range tests {
		r := n.ask(t, tt.kind, tt.args, tt.expect, within(tt.kind))[0]
		if r.Status != tt.status || !strings.HasPrefix(r.Message, tt.message) {
			t.Errorf("%s: %s %q, want %s %q", r.Assertion.Title(), r.Status, r.Message, tt.status, tt.message)
		}
	}
}

func within(kind string) string {
	if kind == "command" {
		return "5s"
	}
	return "50ms"
}

func argv(words ...string) topology.Value {
	v := mapping("in", "red")
	v.Keys, v.Items = append(v.Keys, topology.Word{Text: "argv"}), append(v.Items, list(words...))
	return v
}

// The neighbour question is put when the pings are done, in whatever order
// the file has them.
func TestNeighbourAfterPings(t *testing.T) {
	n := newNet(t)
	as := n.read(t, "neighbour", mapping("in", "blue", "address", "10.0.1.254"), topology.Value{}, "1ms")
	as = append(as, n.read(t, "ping", mapping("from", "blue", "to", "rt"), topology.Value{}, "")...)
	for _, r := range probe.Ask(context.Background(), n.kernel, as, nil) {
		if r.Status != probe.Passed {
			t.Errorf("%s: %s", r.Assertion.Title(), r.Message)
		}
	}
}

func TestResolve(t *testing.T) {
	n := newNet(t)
	privateEtc(t)
	for _, ns := range []string{"red", "lonely"} {
		dir := op.EtcDir + "/" + ns
		files(t, dir, "hosts", "127.0.0.1 localhost\n10.0.1.2 web blue.lab # the web\n")
	}
	files(t, op.EtcDir+"/red", "resolv.conf", "search lab\nnameserver 10.0.1.2\n")
	files(t, op.EtcDir+"/dark", "resolv.conf", "search lab example\nnameserver 10.0.0.1\nnameserver 10.0.1.2\noptions timeout:1 ndots:2\n")
	files(t, op.EtcDir+"/lonely", "resolv.conf", "nameserver 10.0.1.2\n")
	files(t, op.EtcDir+"/rt", "resolv.conf", "# none\n")
	files(t, op.EtcDir+"/blue", "resolv.conf", "nameserver 10.0.0.1\n")
	nameServer(t, n, "blue", map[string]string{"www.example.": "192.0.2.7", "box.lab.": "192.0.2.8"})
	n.serve(t, op.Service{NS: "blue", Kind: "http", Port: 80, Body: "hi"})

	tests := []struct {
		in, name string
		expect   topology.Value
		text     string
	}{
		{"red", "web", mapping("address", "10.0.1.2"), "web is 10.0.1.2 (/etc/netns/red/hosts)"},
		{"red", "www.example", word("reply"), "www.example is 192.0.2.7 (server 10.0.1.2)"},
		{"red", "www.example", list("192.0.2.7"), "www.example is 192.0.2.7 (server 10.0.1.2)"},
		{"red", "nobody.example", word("none"), "the server 10.0.1.2 knows no address of nobody.example"},
		{"red", "nobody.example", word("fail"), "the server 10.0.1.2 knows no address of nobody.example"},
		{"red", "box", word("reply"), "box.lab is 192.0.2.8 (server 10.0.1.2)"},
		{"red", "box.", word("none"), "the server 10.0.1.2 knows no address of box."},
		{"red", "sick.example", word("fail"), "the server 10.0.1.2 cannot say what sick.example is (ServerFailure)"},
		{"lonely", "www.example", word("fail"), "Network is unreachable: lonely has no route to 10.0.1.2"},
		{"blue", "www.example", word("fail"), "From 10.0.0.1: Destination Port Unreachable"},
		{"rt", "www.example", word("none"), "www.example is in no hosts file of rt, and /etc/netns/rt/resolv.conf names no server"},
	}
	for _, tt := range tests {
		r := n.ask(t, "resolve", mapping("in", tt.in, "name", tt.name), tt.expect, "")[0]
		if r.Status != probe.Passed || r.Answer.Text != tt.text {
			t.Errorf("%s %s: %s %q %s, want %q", tt.in, tt.name, r.Status, r.Answer.Text, r.Message, tt.text)
		}
	}
	for name, want := range map[string]string{
		"www":    "www.example is 192.0.2.7 (server 10.0.1.2)", // the first server says nothing, the first domain does not have it
		"nobody": "the server 10.0.1.2 knows no address of nobody",
	} {
		if r := n.ask(t, "resolve", mapping("in", "dark", "name", name), word("reply"), "")[0]; r.Answer.Text != want {
			t.Errorf("dark %s: %q, want %q", name, r.Answer.Text, want)
		}
	}
	n.state.Namespaces[0].Hosts = []topology.HostEntry{{Name: topology.Word{Text: "web"}, Address: netip.MustParseAddr("10.0.1.2")}}
	if r := n.ask(t, "http", mapping("from", "red", "to", "http://web/"), mapping("body", "hi"), "")[0]; r.Status != probe.Passed {
		t.Errorf("http by name: %s", r.Message)
	}
}

func files(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/"+name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// privateEtc hides /etc behind an empty directory, in the mount namespace of
// the tests only.
func privateEtc(t *testing.T) {
	t.Helper()
	if err := unix.Mount("tmpfs", "/etc", "tmpfs", 0, "mode=0755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount("/etc", unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// nameServer answers from a table until the test is over.
func nameServer(t *testing.T, n *testNet, ns string, names map[string]string) {
	t.Helper()
	var c net.PacketConn
	err := n.kernel.Inside(ns, func() (err error) {
		c, err = (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", ":53")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			size, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			if answer, err := dnsAnswer(b[:size], names); err == nil {
				_, _ = c.WriteTo(answer, from)
			}
		}
	}()
}

func dnsAnswer(b []byte, names map[string]string) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(b); err != nil {
		return nil, err
	}
	m.Response = true
	q := m.Questions[0]
	if strings.HasPrefix(q.Name.String(), "sick.") {
		m.RCode = dnsmessage.RCodeServerFailure
	}
	if a, ok := names[q.Name.String()]; ok && q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type},
			Body:   &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
		}}
	}
	return m.Pack()
}
