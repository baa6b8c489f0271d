package op_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
	"nslab/topology"
)

// ovsRig is two rooms on a switch of Open vSwitch that stands in a third.
type ovsRig struct {
	k     *op.Kernel
	o     op.OpenVSwitch
	sw    op.OVSBridge
	ports []op.Op
}

func newOVSRig(t *testing.T) *ovsRig {
	t.Helper()
	kerneltest.Need(t)
	r := &ovsRig{k: &op.Kernel{Lab: "test", Dir: t.TempDir()}, o: op.NewOpenVSwitch("here", "test", false)}
	if err := r.o.Needs(); err != nil {
		t.Skipf("this machine lacks something for the lab test: %v", err)
	}
	r.sw = op.NewOVSBridge(&topology.Bridge{Name: topology.Word{Text: "sw"}, In: topology.Word{Text: "here"}}, r.o)
	for _, ns := range []string{"here", "red", "blue"} {
		stand(t, r.k, op.Namespace{Name: ns})
	}
	for _, ns := range []string{"red", "blue"} {
		stand(t, r.k, cable(t, place("here", ns+"-p"), place(ns, "eth0")))
		stand(t, r.k, op.Up{NS: "here", Dev: ns + "-p"})
		stand(t, r.k, op.Up{NS: ns, Dev: "eth0"})
		r.ports = append(r.ports, op.NewOVSPort(ns+"-p", r.sw))
	}
	return r
}

func (r *ovsRig) wantDiff(t *testing.T, o op.Op, want string) {
	t.Helper()
	if got, err := o.Diff(r.k); !strings.HasPrefix(got, want) || (want == "") != (got == "") || err != nil {
		t.Errorf("%s: Diff = %q, %v; want %q", o, got, err, want)
	}
}

// makes does a fact, which was not true before.
func (r *ovsRig) makes(t *testing.T, o op.Op) {
	t.Helper()
	if diff, err := o.Diff(r.k); diff == "" || err != nil {
		t.Errorf("%s is true already (%v)", o, err)
	}
	stand(t, r.k, o)
	r.wantDiff(t, o, "")
	b, err := op.Encode(o)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := op.Decode(b); err != nil || got != o {
		t.Errorf("%s is read back as %#v (%v), want %#v", b, got, err, o)
	}
}

func (r *ovsRig) says(t *testing.T, words ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Env = append(os.Environ(), "OVS_RUNDIR="+r.o.Dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", words, err, out)
	}
	return string(out)
}

func (r *ovsRig) whole(t *testing.T) {
	t.Helper()
	for _, o := range append([]op.Op{r.o, r.sw}, r.ports...) {
		r.makes(t, o)
	}
}

// TestOpenVSwitch makes every fact, and unmakes them, twice.
func TestOpenVSwitch(t *testing.T) {
	r := newOVSRig(t)
	r.wantDiff(t, r.o, "ovsdb-server does not run in here")
	r.wantDiff(t, r.sw, "sw in here does not exist")
	r.wantDiff(t, r.ports[0], "Open vSwitch does not run in here")
	r.whole(t)
	for _, o := range []op.Op{r.ports[1], r.sw, r.o} {
		for range 2 {
			undo(t, r.k, o)
			if diff, err := o.Diff(r.k); diff == "" || err != nil {
				t.Errorf("%s is still true (%v)", o, err)
			}
		}
	}
	if links := r.says(t, "ip", "-br", "-n", "here", "link"); strings.Contains(links, "ovs-netdev") || strings.Contains(links, "sw ") {
		t.Errorf("left behind:\n%s", links)
	}
	if _, err := os.Lstat(r.o.Dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", r.o.Dir, err)
	}
}

// TestOpenVSwitchShows compares with what an Open vSwitch showed that was started by hand.
func TestOpenVSwitchShows(t *testing.T) {
	r := newOVSRig(t)
	r.whole(t)
	shown := r.says(t, "ovs-vsctl", "show")
	for _, want := range []string{
		"    Bridge sw\n        datapath_type: netdev\n",
		"        Port red-p\n            Interface red-p\n",
		"        Port blue-p\n            Interface blue-p\n",
		"        Port sw\n            Interface sw\n                type: internal\n",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("ovs-vsctl show has no\n%s:\n%s", want, shown)
		}
	}
	flows := regexp.MustCompile(`(?m)priority=0 actions=NORMAL$`)
	if got := r.says(t, "ovs-ofctl", "dump-flows", r.o.Dir+"/sw.mgmt"); len(flows.FindAllString(got, -1)) != 1 {
		t.Errorf("want the one flow of a plain switch, found\n%s", got)
	}
	if got := r.says(t, "ip", "-n", "here", "-d", "link", "show", "sw"); !strings.Contains(got, "tun type tap pi off vnet_hdr off persist on") {
		t.Errorf("want a tap, found\n%s", got)
	}
	fdb := r.says(t, "ovs-appctl", "fdb/show", "sw")
	if !regexp.MustCompile(`^ port  VLAN  MAC                Age\n`).MatchString(fdb) {
		t.Errorf("fdb/show: %s", fdb)
	}
}

// TestOpenVSwitchByHand types the commands: what they make is the same, but not the lab's.
func TestOpenVSwitchByHand(t *testing.T) {
	r := newOVSRig(t)
	typeIn(t, r.o.Command())
	r.wantDiff(t, r.o, "an Open vSwitch has its database in "+r.o.Dir+", but this lab did not make it")
	if err := r.o.Do(r.k); err == nil {
		t.Error("a second Open vSwitch was started at the same place")
	}
	typeIn(t, r.sw.Command())
	r.wantDiff(t, r.sw, "an interface sw exists in here, but this lab did not make it (tun, ")
	typeIn(t, r.ports[0].Command())
	for _, o := range []op.Op{r.ports[0], r.sw, r.o} {
		undo(t, r.k, o)
	}
	if shown := r.says(t, "ovs-vsctl", "show"); !strings.Contains(shown, "Port red-p") {
		t.Errorf("Undo touched what the lab did not make:\n%s", shown)
	}
	for _, o := range []op.Op{r.ports[0], r.sw, r.o} {
		typeIn(t, o.Inverse())
	}
	_ = os.RemoveAll(r.o.Dir)
}

// TestOpenVSwitchKilled has the switch killed, and all of it mended.
func TestOpenVSwitchKilled(t *testing.T) {
	r := newOVSRig(t)
	r.whole(t)
	pid := strings.TrimSpace(r.says(t, "cat", r.o.Dir+"/ovs-vswitchd.pid"))
	r.says(t, "sh", "-c", "kill -9 "+pid+"; while kill -0 "+pid+" 2>/dev/null; do :; done")
	r.wantDiff(t, r.o, "ovs-vswitchd does not run in here")
	r.wantDiff(t, r.ports[0], "Open vSwitch does not run in here")
	for _, o := range append([]op.Op{r.o, r.sw}, r.ports...) {
		undo(t, r.k, o)
		if err := o.Do(r.k); err != nil {
			t.Errorf("%s: %v", o, err)
		}
		r.wantDiff(t, o, "")
	}
}

// TestOpenVSwitchNewCable is a cable that was replaced by one with the same names:
// the switch still holds the old one.
func TestOpenVSwitchNewCable(t *testing.T) {
	r := newOVSRig(t)
	r.whole(t)
	r.says(t, "ip", "-n", "here", "link", "del", "red-p")
	r.wantDiff(t, r.ports[0], "red-p in here does not exist")
	again := cable(t, place("here", "red-p"), place("red", "eth0"))
	if err := again.Do(r.k); err != nil {
		t.Fatal(err)
	}
	if diff, err := r.ports[0].Diff(r.k); diff == "" || err != nil {
		t.Errorf("nothing is told of the new cable (%v)", err)
	}
	undo(t, r.k, r.ports[0])
	if err := r.ports[0].Do(r.k); err != nil {
		t.Fatal(err)
	}
	r.wantDiff(t, r.ports[0], "")
}
