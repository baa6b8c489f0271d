package op

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/topology"
)

// An interface is made as soon as everything is there that it stands on, and not
// before; where something is set in namespaces, behind that.
func TestCrowds(t *testing.T) {
	cable := func(a, b device) Veth { return Veth{device: a, Peer: b} }
	dev := func(ns, name string) device { return device{NS: ns, Name: name} }
	facts := []Op{
		Namespace{"red"},
		Up{NS: "red", Dev: "lo"},
		Bridge{device: dev(topology.Host, "sw")},
		Namespace{"blue"},
		cable(dev(topology.Host, "p-red"), dev("red", "eth0")),
		cable(dev("red", "a"), dev("blue", "b")),
		Bridge{device: dev("blue", "br0")},
		Bridge{device: dev("red", "br0")},
	}
	forwarding := Sysctl{NS: "red", Key: "net.ipv4.ip_forward", Value: "1"}
	tests := []struct {
		facts []Op
		want  [][]int
	}{
		{facts, [][]int{{2}, {0}, {4}, {7}, {3}, {5}, {6}, {1}}},
		{append(slices.Clone(facts), forwarding), [][]int{{0}, {3}, {8}, {2, 4}, {5, 7}, {6}, {1}}},
	}
	for _, tt := range tests {
		var got [][]int
		for _, group := range crowds(tt.facts) {
			var numbers []int
			for _, f := range group {
				numbers = append(numbers, f.number)
			}
			got = append(got, numbers)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("groups of facts (-want +got):\n%s", diff)
		}
	}
}
