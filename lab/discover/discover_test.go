package discover_test

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/discover"
	"nslab/lab/kerneltest"
	"nslab/lab/netns"
	"nslab/topology"
)

// nobody is a machine on which no runtime of containers is asked.
var nobody = discover.Sources{Sockets: map[string]string{}, Podman: []string{}}

func read(t *testing.T, from discover.Sources) *discover.Machine {
	t.Helper()
	m, err := discover.Read(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sh types commands, as the lecture does.
func sh(t *testing.T, script string) {
	t.Helper()
	if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// hidden starts a program in a namespace that has no name.
func hidden(t *testing.T) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process.Pid
}

// labFile is the machine as a lab file, which must be valid.
func labFile(t *testing.T, m *discover.Machine) string {
	t.Helper()
	var out strings.Builder
	if err := m.WriteLab(&out); err != nil {
		t.Fatal(err)
	}
	if _, err := topology.Parse(topology.Source{Name: "found", Text: []byte(out.String())}, nil); err != nil {
		t.Errorf("%v in\n%s", err, out.String())
	}
	return out.String()
}

func TestHidden(t *testing.T) {
	kerneltest.Need(t)
	kerneltest.Namespace(t, "red")
	pid := hidden(t)
	m := read(t, nobody)
	var names []string
	for _, n := range m.Namespaces {
		names = append(names, n.Name)
	}
	if diff := cmp.Diff([]string{"host", "red", fmt.Sprintf("sleep-%d", pid)}, names); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{netns.Dir + "/red"}, m.Namespaces[1].Paths); diff != "" {
		t.Errorf("paths of red (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]discover.Process{{Pid: pid, Comm: "sleep"}}, m.Namespaces[2].Processes); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
}

// A name that stands in another mount namespace alone is found there.
func TestMountedElsewhere(t *testing.T) {
	kerneltest.Need(t)
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", "mount -t tmpfs tmpfs /run; mkdir /run/netns; ip netns add inner; echo ready; read wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	inner := read(t, nobody).Namespace("inner")
	if inner == nil || len(inner.Interfaces) != 1 {
		t.Fatalf("inner is %+v, want a namespace with lo", inner)
	}
}

// Every namespace counts its interfaces by itself: an index says nothing
// without the namespace, also where it is the same on both sides.
func TestPairs(t *testing.T) {
	kerneltest.Need(t)
	for _, name := range []string{"red", "blue"} {
		kerneltest.Namespace(t, name)
	}
	sh(t, `ip -n red link add index 50 name one type veth peer index 50 name uno netns blue
		ip -n red link add index 51 name two type veth peer index 52 name due netns blue
		ip -n red link add index 52 name left type veth peer index 53 name right
		ip -n blue link add link uno name child type macvlan mode private`)
	m := read(t, nobody)
	got := map[string]string{}
	for _, n := range m.Namespaces[1:] {
		for _, i := range n.Interfaces {
			for _, e := range []*discover.End{i.Peer, i.Parent} {
				if e != nil {
					got[n.Name+":"+i.Name] = e.Namespace + ":" + e.Interface
				}
			}
		}
	}
	want := map[string]string{
		"red:one": "blue:uno", "blue:uno": "red:one", "red:two": "blue:due", "blue:due": "red:two",
		"red:left": "red:right", "red:right": "red:left", "blue:child": "blue:uno",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("other ends (-want +got):\n%s", diff)
	}
	if text := labFile(t, m); !strings.Contains(text, `{kind: macvlan, parent: "blue:uno", mode: private, endpoint: "blue:child"}`) {
		t.Errorf("the macvlan is not in\n%s", text)
	}
}

// What is behind a cable that leaves what can be seen is played by a stand-in,
// which has the address of the gateway there.
func TestStandIn(t *testing.T) {
	kerneltest.Need(t)
	kerneltest.Namespace(t, "red")
	if err := netns.Create("gone", nil); err != nil {
		t.Fatal(err)
	}
	gone, err := netns.Open("gone")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { gone.Close() })
	sh(t, `ip -n red link add eth0 mtu 1400 type veth peer name eth0 netns gone mtu 1400
		ip -n gone link set eth0 up; ip -n red link set eth0 up
		ip -n red addr add 10.1.0.2/24 dev eth0; ip -n red route add default via 10.1.0.1`)
	if err := netns.Delete("gone"); err != nil {
		t.Fatal(err)
	}
	text := labFile(t, read(t, nobody))
	for _, want := range []string{
		"  behind-eth0: {} # plays what is behind red:eth0 (veth)\n",
		`- endpoints: [{node: red, interface: "eth0", addresses: ["10.1.0.2/24"], mtu: 1400}, {node: behind-eth0, interface: eth0, addresses: ["10.1.0.1/24"], mtu: 1400}]`,
		`- {to: default, via: "10.1.0.1"}`,
		`- ping: {from: red, to: "10.1.0.1"}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// Whoever names an interface, a namespace or a program can write nothing into the
// file or a picture but a name.
func TestHostile(t *testing.T) {
	kerneltest.Need(t)
	const evil = "a\": {x}#\n- y"
	kerneltest.Namespace(t, evil)
	kerneltest.Namespace(t, "br0")
	sh(t, `ip link add '"}#{[,&*!|' type veth peer name "--'" netns br0
		ip link add br0 type bridge; ip link add BR0 type bridge
		ip -n br0 link add br0 type bridge
		ip link set '"}#{[,&*!|' up; ip -n br0 link set dev "--'" up`)
	program := filepath.Join(t.TempDir(), "c: [\n\x1b]")
	sh(t, "cp $(command -v sleep) '"+program+"'")
	cmd := exec.CommandContext(t.Context(), program, "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	t.Cleanup(func() { sh(t, "ip link del br0; ip link del BR0; ip -n br0 link del \"--'\"") })
	m := read(t, nobody)
	text := labFile(t, m)
	var dot, mermaid strings.Builder
	if err := errors.Join(m.WriteDot(&dot), m.WriteMermaid(&mermaid)); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{text, dot.String(), mermaid.String()} {
		if strings.ContainsAny(out, "\x1b") || strings.Contains(out, "\n- y") {
			t.Errorf("something foreign is written as it is:\n%s", out)
		}
	}
	if !strings.Contains(text, "br0-2:x---\"") {
		t.Errorf("the cable is missing in\n%s", text)
	}
}
