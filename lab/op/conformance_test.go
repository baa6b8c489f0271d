package op_test

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/netns"
	"nslab/lab/op"
	"nslab/topology"
)

// example is a fact, the facts it stands on, and what it leaves to be seen.
type example struct {
	name  string
	needs []op.Op
	fact  op.Op
	look  string // a command that shows what the fact is about
	// stranger is what Diff says when a person has typed the command: the same
	// thing is there, but not by the lab's hand. "" when nobody can tell.
	stranger string
}

func place(ns, dev string) topology.End {
	return topology.End{Node: topology.Word{Text: ns}, Interface: topology.Word{Text: dev}}
}

// cable is the fact of a veth pair.
func cable(tb testing.TB, a, b topology.End) op.Op {
	tb.Helper()
	l := topology.Link{Kind: topology.Word{Text: "veth"}, Ends: []topology.End{a, b}, Options: topology.Value{Kind: topology.Map}}
	o, err := op.ReadLink(l, &topology.State{})
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

func bridge(ns, name string) op.Op {
	return op.NewBridge(&topology.Bridge{Name: topology.Word{Text: name}, In: topology.Word{Text: ns}})
}

func proxy(hostIP string) op.Op {
	return op.Proxy{NS: "here", Proto: "tcp", HostIP: netip.MustParseAddr(hostIP), HostPort: 8080, To: netip.MustParseAddrPort("10.9.0.2:80")}
}

func examples(t testing.TB) []example { //nolint:thelper // an example reads the same in a test and in a benchmark
	t.Helper()
	room, other := op.Namespace{Name: "here"}, op.Namespace{Name: "there"}
	plug := cable(t, place("here", "a"), place("there", "eth0"))
	wide, mac := place("here", "eth0"), place("there", "eth0")
	wide.MTU, mac.MAC.Text = 1400, "02:00:00:00:00:01"
	sw := bridge("here", "sw")
	addr := op.Addr{NS: "here", Dev: "a", Prefix: netip.MustParsePrefix("10.9.0.1/24")}
	addr6 := op.Addr{NS: "here", Dev: "a", Prefix: netip.MustParsePrefix("2001:db8::1/64")}
	live := []op.Op{room, other, plug, addr, addr6, op.Up{NS: "here", Dev: "a"}, op.Up{NS: "there", Dev: "eth0"}}
	route := func(to, via, dev string, metric int) op.Op {
		r := op.Route{NS: "here", To: netip.MustParsePrefix(to), Dev: dev, Out: "a", Metric: metric}
		if via != "" {
			r.Via = netip.MustParseAddr(via)
		}
		return r
	}
	inHere := func(cmd string) string { return "ip netns exec here " + cmd }
	// The carrier, and with it the link-local addresses, come a moment later.
	const routes, rules = "sh -c 'ip route; ip -6 route | grep -v ^fe80' | sed 's/ linkdown//'", "sh -c 'iptables-save; ip6tables-save' | grep -v ^#"
	return append(childExamples(t), []example{
		{"namespace", nil, room, "ip netns", "a namespace here exists, but this lab did not make it"},
		{"cable", []op.Op{room, other}, plug, inHere("ip link"), "an interface a exists in here, but this lab did not make it (veth, "},
		{"cable on the host", []op.Op{room}, cable(t, place("here", "eth0"), place("host", "p")), "ip -br link", "an interface p exists on the host, but this lab did not make it (veth, "},
		{"cable within", []op.Op{room}, cable(t, place("here", "x"), place("here", "type")), inHere("ip -br link"), "an interface x exists in here, but this lab did not make it (veth, "},
		{"cable with options", []op.Op{room, other}, cable(t, wide, mac), inHere("ip link"), "an interface eth0 exists in here, but this lab did not make it (veth, "},
		{"bridge", []op.Op{room}, sw, inHere("ip link"), "an interface sw exists in here, but this lab did not make it (bridge, "},
		{"mtu of a bridge", []op.Op{room, sw}, op.MTU{NS: "here", Dev: "sw", MTU: 1400}, inHere("ip link"), ""},
		{"port", []op.Op{room, other, plug, sw}, op.Master{NS: "here", Dev: "a", Bridge: "sw"}, inHere("ip -o link show type veth"), ""},
		{
			"hairpin",
			[]op.Op{room, other, plug, sw, op.Master{NS: "here", Dev: "a", Bridge: "sw"}},
			op.Hairpin{NS: "here", Dev: "a", Bridge: "sw"},
			inHere("sh -c 'ip -d -o link show a | grep -o hairpin.[^ ]*'"), "",
		},
		{"promiscuous", []op.Op{room, sw}, op.Promisc{NS: "here", Dev: "sw"}, inHere("ip link show sw"), ""},
		{"up", []op.Op{room, other, plug}, op.Up{NS: "here", Dev: "a"}, inHere("ip -br link"), ""},
		{"checksums", []op.Op{room, other, plug}, op.Checksums{NS: "here", Dev: "a"}, inHere("ethtool -k a"), ""},
		{"lo", []op.Op{room}, op.Up{NS: "here", Dev: "lo"}, inHere("ip -br link"), ""},
		{"address", []op.Op{room, other, plug}, addr, inHere("ip addr"), ""},
		{"IPv6 address", live[:3], addr6, inHere("ip addr"), ""},
		{"route", live, route("192.168.1.0/24", "10.9.0.2", "", 0), inHere(routes), ""},
		{"default route", live, route("0.0.0.0/0", "10.9.0.2", "", 0), inHere(routes), ""},
		{"IPv6 default route", live, route("::/0", "2001:db8::2", "", 0), inHere(routes), ""},
		{"IPv6 route", live, route("2001:db8:1::/48", "2001:db8::2", "a", 7), inHere(routes), ""},
		{"route on a link", live, route("192.168.1.0/24", "", "a", 5), inHere(routes), ""},
		{
			"route with a table, limits and a scope", live, op.Route{
				NS: "here", To: netip.MustParsePrefix("192.168.1.0/24"), Dev: "a", Out: "a", Metric: 5, Table: 300, MTU: 1300, AdvMSS: 1200, Scope: "host",
			}, inHere("sh -c 'ip route show table all' | sed -n '/^192/s/ linkdown//p'"), "",
		},
		{"sysctl", []op.Op{room}, op.Sysctl{NS: "here", Key: "net.ipv4.ip_forward", Value: "1"}, inHere("sysctl net.ipv4.ip_forward"), ""},
		{
			"sysctl of an interface with a dot",
			[]op.Op{room, cable(t, place("here", "a.b"), place("here", "b"))},
			op.Sysctl{NS: "here", Key: "net.ipv4.conf.a/b.rp_filter", Value: "2"},
			inHere("sysctl net.ipv4.conf.a/b.rp_filter"), "",
		},
		{"sysctl with several values", []op.Op{room}, op.Sysctl{NS: "here", Key: "net.ipv4.ip_local_port_range", Value: "10000 20000"}, inHere("sysctl net.ipv4.ip_local_port_range"), ""},
		{"hosts", []op.Op{room}, op.Hosts{NS: "here", Lines: "10.9.0.2 web\n"}, "ls -R /etc/netns", ""},
		{"resolv.conf", []op.Op{room}, op.Resolv{NS: "here", Lines: "nameserver 127.0.0.11\noptions ndots:0\n"}, "ls -R /etc/netns", ""},
		{
			"masquerade", live,
			op.Masquerade{NS: "here", From: netip.MustParsePrefix("10.9.0.0/24"), OutDev: "!a"},
			inHere(rules),
			`the lab's rule "POSTROUTING -s 10.9.0.0/24 ! -o a -j MASQUERADE" is missing in here`,
		},
		{
			"snat", live,
			op.SNAT{NS: "here", From: netip.MustParsePrefix("2001:db8::/64"), To: netip.MustParseAddr("2001:db8:1::1")},
			inHere(rules),
			`the lab's rule "POSTROUTING -s 2001:db8::/64 -j SNAT --to-source 2001:db8:1::1" is missing in here`,
		},
		{
			"dnat", live,
			op.DNAT{NS: "here", Proto: "tcp", Port: 80, To: netip.MustParseAddrPort("10.9.0.2:8080")},
			inHere(rules),
			`the lab's rule "PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.9.0.2:8080" is missing in here`,
		},
		{
			"chain", live,
			op.Chain{NS: "here", Table: "nat", Name: "DOCKER"},
			inHere(rules),
			"table nat has a chain DOCKER in here, but this lab did not make it",
		},
		{
			"rule", append(live, op.Chain{NS: "here", Table: "filter", Name: "MINE"}),
			inNS("here", topology.Rule{Table: "filter", Chain: "FORWARD", OutDev: "a", CTState: "RELATED,ESTABLISHED", Target: "MINE"}),
			inHere(rules),
			`the lab's rule "FORWARD -o a -m conntrack --ctstate RELATED,ESTABLISHED -j MINE" is missing in here`,
		},
		{"attachment", live, attached("eth9"), inHere("ip -br link show eth9"), ""},
		{
			"source address of frames",
			[]op.Op{room, other, plug, sw, op.Master{NS: "here", Dev: "a", Bridge: "sw"}},
			op.SourceMAC{NS: "here", Dev: "a", MAC: "02:00:00:00:00:01"},
			inHere("ebtables-save | grep -v '^#'"),
			`the lab's rule "PREROUTING -i a -s ! 02:00:00:00:00:01 -j DROP" is missing in here`,
		},
		{"policy", live, op.Policy{NS: "here", Chain: "FORWARD", Target: "DROP"}, inHere(rules), ""},
		{"proxy", live, proxy("0.0.0.0"), inHere("cat /proc/net/tcp"), ""},
		{"proxy of IPv6", live, proxy("::"), inHere("cat /proc/net/tcp6"), ""},
		{"service", live, op.Service{NS: "here", Kind: "tcp-echo", Port: 7}, inHere("cat /proc/net/tcp6"), ""},
		{"service with numbers of its own", live, op.Service{NS: "here", Kind: "tcp-echo", Port: 8, OwnPID: true}, inHere("cat /proc/net/tcp6"), ""},
		{
			"dns", append(live, op.Up{NS: "here", Dev: "lo"}),
			op.Service{NS: "here", Kind: "dns", Addr: netip.MustParseAddr("127.0.0.11"), Port: 53, Names: "10.9.0.2 web\n"},
			inHere("cat /proc/net/udp"), "",
		},
		{
			"dhcp", live,
			op.Service{NS: "here", Kind: "dhcp", Port: 67, Argv: `["a","10.9.0.1/24","10.9.0.100","10.9.0.199","3600","10.9.0.1"]`},
			inHere("cat /proc/net/udp"), "",
		},
	}...)
}

// attached is the fact of an attachment by the plugins that nslab itself is.
func attached(ifName string) op.CNI {
	return op.CNI{
		NS: "here", IfName: ifName, Network: "lab", Args: "IgnoreUnknown=1;A=b", Capabilities: `{"mac":"02:00:00:00:00:09"}`,
		Conf: `{"name":"lab","cniVersion":"1.0.0","plugins":[{"type":"nslab-bridge","bridge":"cni0","isGateway":true,
			"capabilities":{"mac":true},"ipam":{"type":"host-local","dataDir":"/run/cni/networks","subnet":"10.66.0.0/24"}}]}`,
	}
}

func TestEveryFactHasAnExample(t *testing.T) {
	t.Parallel()
	have := map[string]bool{
		op.Name(op.Names{}): true, op.Name(op.Lo{}): true, // TestNames, TestLoIsPutBack
		op.Name(op.OpenVSwitch{}): true, op.Name(op.OVSBridge{}): true, op.Name(op.OVSPort{}): true, // TestOpenVSwitch
		op.Name(op.DHCPDaemon{}): true, // TestDHCPDaemon
	}
	for _, e := range examples(t) {
		have[op.Name(e.fact)] = true
	}
	for _, f := range op.Facts() {
		if !have[op.Name(f)] {
			t.Errorf("there is no example of %s in this file", op.Name(f))
		}
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	for _, e := range examples(t) {
		b, err := op.Encode(e.fact)
		if err != nil {
			t.Fatalf("%s: %v", e.name, err)
		}
		got, err := op.Decode(b)
		if err != nil || got != e.fact {
			t.Errorf("%s: %s is read back as %#v (%v), want %#v", e.name, b, got, err, e.fact)
		}
	}
	if _, err := op.Decode([]byte(`{"fact":"Wormhole","is":{}}`)); err == nil || err.Error() != `unknown fact "Wormhole": written by a newer nslab?` {
		t.Error(err)
	}
}

// TestConformance asks of every fact what the engine relies on. The examples
// share names, so they run one after another.
func TestConformance(t *testing.T) {
	kerneltest.Need(t)
	writableEtc(t)
	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			k, was := remembering("conformance")
			k.Dir = t.TempDir()
			if op.Name(e.fact) == op.Name(op.Checksums{}) {
				needTools(t, "ethtool")
			}
			e.nothing(t, k)
			for _, o := range e.needs {
				stand(t, k, o)
			}
			before := e.shown(t)
			e.byFact(t, k, was)
			if diff := cmp.Diff(before, e.shown(t)); diff != "" {
				t.Errorf("left behind (-before +after):\n%s", diff)
			}
			e.byHand(t, k, before)
		})
	}
}

// stand makes a fact for the time of the test.
func stand(tb testing.TB, k *op.Kernel, o op.Op) {
	tb.Helper()
	if err := o.Do(k); err != nil {
		tb.Fatalf("%s: %v", o, err)
	}
	tb.Cleanup(func() { undo(tb, k, o) })
}

// nothing is a kernel that has not even the namespace.
func (e example) nothing(t *testing.T, k *op.Kernel) {
	t.Helper()
	e.wantFalse(t, k)
	undo(t, k, e.fact)
}

func (e example) byFact(t *testing.T, k *op.Kernel, was map[op.Op]string) {
	t.Helper()
	e.wantFalse(t, k)
	if r, ok := e.fact.(op.Rememberer); ok {
		word, err := r.Before(k)
		if err != nil {
			t.Fatalf("Before: %v", err)
		}
		was[e.fact] = word
	}
	if err := e.fact.Do(k); err != nil {
		t.Fatalf("Do: %v", err)
	}
	wantTrue(t, k, e.fact)
	undo(t, k, e.fact)
	e.wantFalse(t, k)
	undo(t, k, e.fact)
}

// byHand types the command of the fact. It must be the same fact, except that
// it is not the lab's own: then Undo must leave it alone.
func (e example) byHand(t *testing.T, k *op.Kernel, before string) {
	t.Helper()
	if e.fact.Command().IsRemark() {
		return
	}
	typeIn(t, e.fact.Command())
	diff, err := e.fact.Diff(k)
	if err != nil || (e.stranger == "") != (diff == "") || !strings.HasPrefix(diff, e.stranger) {
		t.Errorf("typed by hand: Diff = %q, %v, want %q", diff, err, e.stranger)
	}
	typed := e.shown(t)
	if e.stranger == "" {
		undo(t, k, e.fact)
		e.wantFalse(t, k)
		return
	}
	undo(t, k, e.fact)
	if diff := cmp.Diff(typed, e.shown(t)); diff != "" {
		t.Errorf("Undo touched what the lab did not make (-before +after):\n%s", diff)
	}
	typeIn(t, e.fact.Inverse())
	if diff := cmp.Diff(withoutEmptyTable(before), withoutEmptyTable(e.shown(t))); diff != "" {
		t.Errorf("the inverse, typed by hand, leaves (-before +after):\n%s", diff)
	}
}

// withoutEmptyTable forgets what iptables leaves when its last rule is deleted.
func withoutEmptyTable(rules string) string {
	var out strings.Builder
	for line := range strings.Lines(rules) {
		if !strings.HasPrefix(line, "*") && !strings.HasPrefix(line, ":") && line != "COMMIT\n" && !strings.HasPrefix(line, "# ") {
			out.WriteString(line)
		}
	}
	return out.String()
}

func typeIn(t *testing.T, c op.Command) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", c.String()).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", c, err, out)
	}
}

func (e example) shown(t *testing.T) string {
	t.Helper()
	out, _ := exec.CommandContext(t.Context(), "sh", "-c", e.look).CombinedOutput() // what is not there is shown by the message
	return string(out)
}

func (e example) wantFalse(t *testing.T, k *op.Kernel) {
	t.Helper()
	if diff, err := e.fact.Diff(k); err != nil || diff == "" {
		t.Errorf("want a difference, Diff = %q, %v", diff, err)
	}
}

// writableEtc lets the test write below /etc without changing the machine's.
func writableEtc(tb testing.TB) {
	tb.Helper()
	dir, err := os.MkdirTemp("/run", "etc") //nolint:usetesting // an upper layer cannot lie on every file system; a tmpfs will do
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	data := "lowerdir=/etc,upperdir=" + dir + "/upper,workdir=" + dir + "/work"
	if err := errors.Join(os.Mkdir(dir+"/upper", 0o755), os.Mkdir(dir+"/work", 0o755)); err != nil {
		tb.Fatal(err)
	}
	err = unix.Mount("overlay", "/etc", "overlay", 0, data)
	if err != nil { // the attributes trusted.* are for the real root
		err = unix.Mount("overlay", "/etc", "overlay", 0, data+",userxattr")
	}
	if err != nil {
		tb.Skip("an overlay on /etc:", err)
	}
	tb.Cleanup(func() { _ = unix.Unmount("/etc", unix.MNT_DETACH) })
}

// TestNames has a test of its own: every namespace of another example would
// make it true.
func TestNames(t *testing.T) {
	kerneltest.Need(t)
	if done, err := netns.Unshare(netns.Plain); !done || err != nil {
		t.Fatalf("somebody has left a name in %s: %v", netns.Dir, err)
	}
	k := &op.Kernel{Lab: "conformance", Dir: t.TempDir() + "/lab"}
	var o op.Names
	wantFalse(t, k, o, "/run/netns is a plain directory, not a mount that every namespace shares")
	if err := o.Do(k); err != nil {
		t.Fatal(err)
	}
	wantTrue(t, k, o)
	room := op.Namespace{Name: "here"}
	stand(t, k, room)
	undo(t, k, o)
	wantTrue(t, k, o) // as long as somebody has a name there
	undo(t, k, room)
	undo(t, k, o)
	wantFalse(t, k, o, "/run/netns is a plain directory, not a mount that every namespace shares")
	undo(t, k, o)
}

// TestHosts leaves alone what stood in the file before, and what somebody has
// written there since.
func TestHosts(t *testing.T) {
	kerneltest.Need(t)
	writableEtc(t)
	const file, theirs = "/etc/netns/here/hosts", "10.1.1.1 theirs\n"
	k, was := remembering("conformance")
	o := op.Hosts{NS: "here", Lines: "10.9.0.2 web\n"}
	write := func() {
		if err := errors.Join(os.MkdirAll("/etc/netns/here", 0o755), os.WriteFile(file, []byte(theirs), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	wantFile := func(when string) {
		if b, err := os.ReadFile(file); string(b) != theirs {
			t.Errorf("%s the file says %q (%v), want %q", when, b, err, theirs)
		}
	}
	write()
	makeFact(t, k, was, o)
	undo(t, k, o)
	wantFile("after Do and Undo")
	makeFact(t, k, was, o)
	write()
	undo(t, k, o)
	wantFile("written after Do, after Undo")
}

// TestHalfMadeNamespace is a nslab, or an ip, that was killed between making
// the file and mounting the namespace on it.
func TestHalfMadeNamespace(t *testing.T) {
	kerneltest.Need(t)
	writableEtc(t)
	for _, e := range examples(t) {
		k, _ := remembering("conformance")
		k.Dir = t.TempDir()
		for _, ns := range []string{"here", "there"} {
			if err := os.WriteFile("/run/netns/"+ns, nil, 0); err != nil {
				t.Fatal(err)
			}
		}
		if diff, err := e.fact.Diff(k); err != nil || diff == "" {
			t.Errorf("%s: want a difference, Diff = %q, %v", e.name, diff, err)
		}
		if err := e.fact.Undo(k); err != nil {
			t.Errorf("%s: Undo: %v", e.name, err)
		}
		_ = os.Remove("/run/netns/here") // Undo may have done it
		_ = os.Remove("/run/netns/there")
	}
}
