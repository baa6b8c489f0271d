package probe_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/op"
	"nslab/lab/probe"
	"nslab/topology"
)

// packet is a question that sends one, and how its answer begins.
type packet struct {
	kind, from, to string
	want           probe.Outcome
	text           string
}

// said allows for the ration of the kernel's own complaints (icmp_msgs_per_sec,
// shared by everybody): who gets none reads the same in the neighbour table.
func (p packet) said(text string) bool {
	own := strings.HasSuffix(p.text, "Destination Host Unreachable") || strings.HasSuffix(p.text, "Address unreachable")
	return strings.HasPrefix(text, p.text) || own && strings.HasPrefix(text, "nobody answers ")
}

// Every outcome of the questions that send packets, with the words that a
// person reads.
func TestPackets(t *testing.T) {
	n := newNet(t)
	n.specialRoute(t, "red", "10.9.1.0/24", unix.RTN_BLACKHOLE)
	n.specialRoute(t, "red", "10.9.2.0/24", unix.RTN_PROHIBIT)
	n.do(t, op.Sysctl{NS: "dark", Key: "net.ipv4.icmp_echo_ignore_all", Value: "1"},
		op.Sysctl{NS: "dark", Key: "net.ipv6.icmp.echo_ignore_all", Value: "1"})
	n.serve(t, op.Service{NS: "blue", Kind: "http", Port: 80, Body: "hello from blue"})
	n.serve(t, op.Service{NS: "blue", Kind: "tcp-echo", Port: 7})
	n.serve(t, op.Service{NS: "blue", Kind: "udp-echo", Port: 7})

	tests := []packet{
		{"ping", "red", "blue", probe.Reply, "from 10.0.1.2 in "},
		{"ping", "red", "fd00:0:0:b::2", probe.Reply, "from fd00:0:0:b::2 in "},
		{"ping", "lonely", "10.0.1.2", probe.Unreachable, "Network is unreachable: lonely has no route to 10.0.1.2"},
		{"ping", "lonely", "fd00:0:0:b::2", probe.Unreachable, "Network is unreachable: lonely has no route to fd00:0:0:b::2"},
		{"ping", "red", "10.9.1.1", probe.Unreachable, "Invalid argument: a blackhole route of red covers 10.9.1.1"},
		{"ping", "red", "10.9.2.1", probe.Unreachable, "Permission denied: a prohibit route of red covers 10.9.2.1"},
		{"ping", "red", "172.16.0.1", probe.Unreachable, "From 10.0.0.254: Destination Net Unreachable"},
		{"ping", "red", "fd00:0:0:ffff::1", probe.Unreachable, "From fd00:0:0:a::fe: Destination unreachable: No route"},
		{"ping", "red", "10.0.0.99", probe.Unreachable, "From 10.0.0.1: Destination Host Unreachable"},
		{"ping", "red", "fd00:0:0:a::99", probe.Unreachable, "From fd00:0:0:a::1: Destination unreachable: Address unreachable"},
		{"ping", "red", "10.0.1.99", probe.Unreachable, "From 10.0.0.254: Destination Host Unreachable"},
		{"ping", "dark", "10.0.3.99", probe.Unreachable, "nobody answers ARP for 10.0.3.99 on eth0: the packet never left dark"},
		{"ping", "dark", "fd00:0:0:d::99", probe.Unreachable, "nobody answers the neighbour solicitations for fd00:0:0:d::99 on eth0: the packet never left dark"},
		{"ping", "red", "dark", probe.NoReply, "nothing came back within 1"},
		{"ping", "red", "fd00:0:0:d::3", probe.NoReply, "nothing came back within 1"},
		{"ping", "dark", "10.0.3.3", probe.NoReply, "nothing came back within 1"}, // its lo is down
		{"ping", "host", "10.0.1.2", probe.Unreachable, "Network is unreachable: host has no route to 10.0.1.2"},
		{"tcp", "red", "blue:7", probe.Reply, "10.0.1.2:7 accepts, in "},
		{"tcp", "red", "[fd00:0:0:b::2]:7", probe.Reply, "[fd00:0:0:b::2]:7 accepts, in "},
		{"tcp", "red", "blue:9", probe.Refused, "Connection refused: nobody listens on 10.0.1.2:9"},
		{"tcp", "red", "172.16.0.1:9", probe.Unreachable, "From 10.0.0.254: Destination Net Unreachable"},
		{"tcp", "red", "10.0.0.98:9", probe.Unreachable, "From 10.0.0.1: Destination Host Unreachable"},
		{"tcp", "lonely", "10.0.1.2:9", probe.Unreachable, "Network is unreachable: lonely has no route to 10.0.1.2"},
		{"tcp", "dark", "10.0.3.98:9", probe.Unreachable, "nobody answers ARP for 10.0.3.98 on eth0: the packet never left dark"},
		{"udp", "red", "blue:7", probe.Reply, "10.0.1.2:7 sends it back"},
		{"udp", "red", "[fd00:0:0:b::2]:7", probe.Reply, "[fd00:0:0:b::2]:7 sends it back"},
		{"udp", "red", "blue:9", probe.Refused, "From 10.0.1.2: Destination Port Unreachable"},
		{"udp", "red", "[fd00:0:0:b::2]:9", probe.Refused, "From fd00:0:0:b::2: Destination unreachable: Port unreachable"},
		{"udp", "red", "172.16.0.1:9", probe.Unreachable, "From 10.0.0.254: Destination Net Unreachable"},
		{"udp", "lonely", "10.0.1.2:9", probe.Unreachable, "Network is unreachable: lonely has no route to 10.0.1.2"},
		{"http", "red", "http://blue/", probe.Reply, `status 200, body "hello from blue", seen as 10.0.0.1`},
		{"http", "red", "http://[fd00:0:0:b::2]/seen-as", probe.Reply, `status 200, body "fd00:0:0:a::1", seen as fd00:0:0:a::1`},
		{"http", "red", "http://blue:81/", probe.Refused, "Connection refused: nobody listens on 10.0.1.2:81"},
		{"http", "lonely", "http://10.0.1.2/", probe.Unreachable, "Network is unreachable: lonely has no route to 10.0.1.2"},
	}
	var as []probe.Assertion
	for _, tt := range tests {
		as = append(as, n.read(t, tt.kind, mapping("from", tt.from, "to", tt.to), word(string(tt.want)), "")...)
	}
	start := time.Now()
	for i, r := range probe.Ask(context.Background(), n.kernel, as, nil) {
		tt := tests[i]
		if r.Status != probe.Passed || r.Answer.Outcome != tt.want || !tt.said(r.Answer.Text) {
			t.Errorf("%s %s %s: %s, want %s (%s); %s (%d tries)", tt.kind, tt.from, tt.to, r.Answer, tt.want, tt.text, r.Message, r.Tries)
		}
	}
	if took := time.Since(start); took > 6*time.Second {
		t.Errorf("all together took %v: they do not wait together", took)
	}
}

// Silence costs its deadline once, and no descriptors are left.
func TestManySilentTogether(t *testing.T) {
	n := newNet(t)
	n.do(t, op.Sysctl{NS: "dark", Key: "net.ipv4.icmp_echo_ignore_all", Value: "1"})
	var as []probe.Assertion
	for range 100 {
		as = append(as, n.read(t, "ping", mapping("from", "red", "to", "dark"), word("no-reply"), "500ms")...)
		as = append(as, n.read(t, "ping", mapping("from", "red", "to", "blue"), topology.Value{}, "")...)
	}
	probe.Ask(context.Background(), n.kernel, as[:2], nil)
	before, start := descriptors(t), time.Now()
	heard := 0
	for _, r := range probe.Ask(context.Background(), n.kernel, as, func(probe.Result) { heard++ }) {
		if r.Status != probe.Passed {
			t.Fatal(r.Message)
		}
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("100 silent pings took %v, want about 500ms", took)
	}
	if heard != len(as) {
		t.Errorf("%d results were heard of, want %d", heard, len(as))
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// Connections that are not made at once do not hold up those that are, and
// have their own answers; no descriptors are left.
func TestManyConnections(t *testing.T) {
	n := newNet(t)
	n.state.Namespaces = append(n.state.Namespaces, topology.Namespace{Name: topology.Word{Text: "ghost"}})
	n.serve(t, op.Service{NS: "blue", Kind: "tcp-echo", Port: 7})
	kinds := []struct {
		from, to string
		outcome  probe.Outcome
	}{
		{"red", "blue:7", probe.Reply},
		{"rt", "[fd00:0:0:b::2]:7", probe.Reply},
		{"red", "blue:9", probe.Refused},
		{"red", "10.0.0.98:9", probe.NoReply},
		{"lonely", "10.0.1.2:7", probe.Unreachable},
		{"ghost", "10.0.1.2:7", probe.Error},
	}
	var as []probe.Assertion
	for range 30 {
		for _, k := range kinds {
			as = append(as, n.read(t, "tcp", mapping("from", k.from, "to", k.to), topology.Value{}, "500ms")...)
		}
	}
	probe.Ask(t.Context(), n.kernel, as[:2], nil)
	before, start := descriptors(t), time.Now()
	heard := 0
	for i, r := range probe.Ask(t.Context(), n.kernel, as, func(probe.Result) { heard++ }) {
		if want := kinds[i%len(kinds)].outcome; r.Answer.Outcome != want {
			t.Errorf("%s: %s, want %s", r.Assertion.Title(), r.Answer, want)
		}
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("all together took %v, want little more than 500ms", took)
	}
	if heard != len(as) {
		t.Errorf("%d results were heard of, want %d", heard, len(as))
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestMessages(t *testing.T) {
	n := newNet(t)
	n.serve(t, op.Service{NS: "blue", Kind: "http", Port: 80, Body: "hello from blue"})
	n.do(t, op.Sysctl{NS: "dark", Key: "net.ipv4.icmp_echo_ignore_all", Value: "1"})
	tests := []struct {
		kind         string
		args, expect topology.Value
		within       string
		status       probe.Status
		message      string
	}{
		{"ping", mapping("from", "red", "to", "blue"), word("fail"), "", probe.Failed, "expected no reply, for whatever reason, got a reply (from 10.0.1.2 in "},
		{"ping", mapping("from", "red", "to", "dark"), topology.Value{}, "200ms", probe.Failed, "expected a reply, got no reply (nothing came back within 200ms)"},
		{"ping", mapping("from", "red", "to", "10.0.0.97"), topology.Value{}, "200ms", probe.Failed, "expected a reply, got no reply (nothing came back within 200ms: nobody has answered ARP for 10.0.0.97 on eth0)"},
		{"ping", mapping("from", "red", "to", "10.0.0.96"), word("no-reply"), "200ms", probe.Broken, "could not be asked: not decided after "},
		{"ping", mapping("from", "lonely", "to", "10.0.0.96"), word("no-reply"), "100ms", probe.Failed, "expected no reply (silence), got unreachable (Network is unreachable: lonely has no route to 10.0.0.96)"},
		{"http", mapping("from", "red", "to", "http://blue/"), mapping("status", "404", "seen-as", "10.0.1.254"), "100ms", probe.Failed, `expected status 404, seen as 10.0.1.254, got a reply (status 200, body "hello from blue", seen as 10.0.0.1)`},
		{"http", mapping("from", "red", "to", "http://blue/"), mapping("status", "200", "body", "hello from blue", "seen-as", "10.0.0.1"), "", probe.Passed, ""},
		{"command", mapping("in", "red", "argv", "true"), topology.Value{}, "", probe.Broken, "could not be asked: true: a lab file may only run commands with --allow-commands"},
	}
	for _, tt := range tests {
		r := n.ask(t, tt.kind, tt.args, tt.expect, tt.within)[0]
		if r.Status != tt.status || !strings.HasPrefix(r.Message, tt.message) {
			t.Errorf("%s: %s %q, want %s %q", r.Assertion.Title(), r.Status, r.Message, tt.status, tt.message)
		}
	}
}

// A namespace that does not exist is no proof of anything.
func TestMissingNamespace(t *testing.T) {
	n := newNet(t)
	n.state.Namespaces = append(n.state.Namespaces, topology.Namespace{Name: topology.Word{Text: "ghost"}})
	start := time.Now()
	r := n.ask(t, "ping", mapping("from", "ghost", "to", "10.0.0.1"), word("fail"), "")[0]
	if r.Status != probe.Broken || !strings.Contains(r.Message, "ghost") {
		t.Errorf("%s %q, want an error that names ghost", r.Status, r.Message)
	}
	if time.Since(start) > time.Second {
		t.Error("asked again although that cannot help")
	}
}

func TestCancel(t *testing.T) {
	n := newNet(t)
	n.do(t, op.Sysctl{NS: "dark", Key: "net.ipv4.icmp_echo_ignore_all", Value: "1"})
	as := n.read(t, "ping", mapping("from", "red", "to", "dark"), topology.Value{}, "30s")
	ctx, cancel := context.WithTimeoutCause(context.Background(), 50*time.Millisecond, errors.New("interrupted"))
	defer cancel()
	r := probe.Ask(ctx, n.kernel, as, nil)[0]
	if r.Status != probe.Broken || r.Message != "could not be asked: interrupted" || r.Took > time.Second {
		t.Errorf("%s %q after %v", r.Status, r.Message, r.Took)
	}
}

// A router complains to a host only so often. Who asks for more complaints
// than that gets them one after the other.
func TestRationedComplaints(t *testing.T) {
	n := newNet(t)
	var as []probe.Assertion
	for _, to := range []string{"172.16.0.1", "172.16.0.2", "172.16.0.3"} {
		as = append(as, n.read(t, "ping", mapping("from", "red", "to", to), word("unreachable"), "")...)
	}
	as = append(as, n.read(t, "tcp", mapping("from", "red", "to", "172.16.0.6:80"), word("unreachable"), "")...)
	for _, r := range probe.Ask(context.Background(), n.kernel, as, nil) {
		if r.Status != probe.Passed || r.Answer.Text != "From 10.0.0.254: Destination Net Unreachable" {
			t.Errorf("%s: %s after %v", r.Assertion.Title(), r.Answer, r.Took)
		}
	}
}
