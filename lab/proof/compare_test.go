package proof_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/proof"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	before := proof.Print{
		{"links", []string{"eth0: mtu=1500 up", "lo: mtu=65536", "twice: x", "twice: x"}},
		{"routes", []string{"default: via=10.0.0.1"}},
		{"namespace-ids", []string{"nsid 0", "nsid 1"}},
		{"sysctls", []string{"net.ipv4.ip_forward: 0"}},
	}
	after := proof.Print{
		{"links", []string{"eth0: mtu=1400 up", "lo: mtu=65536", "twice: x", "veth: #14=00 mtu=1500"}},
		{"routes", []string{"default: via=10.0.0.1"}},
		{"namespace-ids", []string{"nsid 1", "nsid 2"}},
		{"sysctls", []string{"net.ipv4.conf.veth.forwarding: 1", "net.ipv4.ip_forward: 1", "net.netfilter.nf_log: 0"}},
	}
	diff := proof.Compare(before, after)
	want := []proof.Difference{
		{
			Section: "links",
			Gone:    []string{"eth0: mtu=1500 up", "twice: x"},
			New:     []string{"eth0: mtu=1400 up", "veth: #14=00 mtu=1500"},
		},
		// The other was of a namespace that the kernel has freed since.
		{Section: "namespace-ids", New: []string{"nsid 2"}},
		// One came with an interface, one with a module.
		{
			Section: "sysctls",
			Gone:    []string{"net.ipv4.ip_forward: 0"},
			New:     []string{"net.ipv4.ip_forward: 1"},
		},
	}
	if d := cmp.Diff(want, diff); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	words := []string{"eth0: was mtu=1500, is mtu=1400", "gone: twice: x", "new: veth: mtu=1500"}
	if d := cmp.Diff(words, diff[0].Changes()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if d := proof.Compare(before, before); len(d) > 0 {
		t.Errorf("a print differs from itself: %v", d)
	}
}
