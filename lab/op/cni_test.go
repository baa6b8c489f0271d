package op_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
	"nslab/lab/plugins"
)

// TestCNI asks what nobody but the fact of an attachment has: what CHECK says,
// what is left of one whose runtime was killed, and of one whose room is gone.
func TestCNI(t *testing.T) {
	kerneltest.Need(t)
	k := &op.Kernel{Lab: "test"}
	room, fact := op.Namespace{Name: "here"}, attached("eth0")
	want := func(diff string) {
		t.Helper()
		if got, err := fact.Diff(k); err != nil || !strings.HasPrefix(got, diff) || diff == "" && got != "" {
			t.Errorf("Diff = %q, %v; want %q", got, err, diff)
		}
	}
	stand(t, k, room)
	want("here is not attached to the network lab")
	stand(t, k, fact)
	want("")
	run(t, "ip", "-n", "here", "addr", "flush", "dev", "eth0")
	want("CHECK of network lab: ")
	run(t, "ip", "-n", "here", "link", "del", "eth0")
	want("eth0 in here, which the network lab has made, does not exist")
	undo(t, k, fact)
	if err := fact.Do(k); err != nil {
		t.Fatal(err)
	}
	run(t, "ip", "netns", "del", "here") // and the plugins are told without CNI_NETNS
	want("eth0 in here, which the network lab has made, does not exist")
	undo(t, k, fact)
	if left, _ := filepath.Glob("/run/cni/networks/lab/10.*"); len(left) > 0 {
		t.Errorf("addresses are still given away: %s", left)
	}
	if _, err := os.Stat(plugins.Dir); err == nil {
		t.Errorf("%s is still there", plugins.Dir)
	}
}

// TestCNIForeign has the interface there already, by another hand: it must stay.
func TestCNIForeign(t *testing.T) {
	kerneltest.Need(t)
	k := &op.Kernel{Lab: "test"}
	stand(t, k, op.Namespace{Name: "here"})
	run(t, "ip", "-n", "here", "link", "add", "eth0", "type", "veth", "peer", "name", "other")
	fact := attached("eth0")
	if err := fact.Do(k); err == nil || !strings.Contains(err.Error(), "/run/netns/here has an interface eth0 already") {
		t.Errorf("Do: %v", err)
	}
	undo(t, k, fact)
	run(t, "ip", "-n", "here", "link", "show", "eth0")
}

func run(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
}
