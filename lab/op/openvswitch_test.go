package op_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// TestOpenVSwitchShows compares with what an Open vSwitch showed that was started by
// hand, with two ports on one bridge: testdata/openvswitch.txt.
func TestOpenVSwitchShows(t *testing.T) {
	r := newOVSRig(t)
	r.whole(t)
	stand(t, r.k, op.Up{NS: "here", Dev: "sw"})
	for _, ns := range []string{"red", "blue"} { // so that the switch learns of all three
		r.says(t, "ip", "-n", ns, "addr", "add", map[string]string{"red": "10.60.0.2/24", "blue": "10.60.0.3/24"}[ns], "dev", "eth0")
	}
	r.says(t, "ip", "-n", "here", "addr", "add", "10.60.0.1/24", "dev", "sw")
	r.says(t, "ip", "netns", "exec", "red", "ping", "-c1", "-W5", "10.60.0.3")
	r.says(t, "ip", "netns", "exec", "red", "ping", "-c1", "-W5", "10.60.0.1")
	b, err := os.ReadFile("testdata/openvswitch.txt")
	if err != nil {
		t.Fatal(err)
	}
	recorded := strings.NewReplacer("ovsbr0", "sw", "ooa", "red-p", "oob", "blue-p").Replace(string(b))
	var shown strings.Builder
	for _, c := range [][]string{
		{"ovs-vsctl", "show"},
		{"ovs-appctl", "fdb/show", "sw"},
		{"ovs-ofctl", "dump-flows", r.o.Dir + "/sw.mgmt"},
		{"ip", "-n", "here", "-d", "link", "show", "sw"},
	} {
		shown.WriteString("$ " + strings.Join(c, " ") + "\n" + r.says(t, c...))
	}
	if diff := cmp.Diff(plainly(recorded), plainly(shown.String())); diff != "" {
		t.Errorf("-recorded +shown:\n%s", diff)
	}
}

// plainly is what programs said, without what differs from run to run: the lines of
// each answer in order, and no numbers that follow from a name or a time. A tap that was
// there before its program is UP, one that the program made itself UNKNOWN: both carry.
func plainly(text string) []string {
	changing := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|([0-9a-f]{2}:){5}[0-9a-f]{2}|(duration|n_packets|n_bytes|idle_age)=[0-9.]+s?|^\s*\d+: | +\d+ *$|^ +\d+ +|group \d+|state (UP|UNKNOWN)`)
	var out []string
	for i, answer := range strings.Split(text, "$ ")[1:] {
		_, answer, _ = strings.Cut(answer, "\n") // what was typed, elsewhere
		var lines []string
		for line := range strings.Lines(answer) {
			line = changing.ReplaceAllString(strings.TrimRight(line, " \n"), "_")
			lines = append(lines, strconv.Itoa(i)+" "+strings.ReplaceAll(line, "group default", "_"))
		}
		slices.Sort(lines)
		out = append(out, lines...)
	}
	return out
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
