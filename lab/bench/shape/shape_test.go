package shape_test

import (
	"testing"

	"nslab/lab/bench/shape"
	"nslab/topology"
)

// The lab file of every shape says what the shape says.
func TestYAML(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind         string
		n            int
		nodes, links int
		pings        int
	}{
		{"star", 2, 2, 2, 2},
		{"star", 120, 120, 120, 120 * 119},
		{"star", 300, 300, 300, 300},
		{"line", 5, 5, 4, 2*4 + 2},
		{"tree", 4, 4 + 4*4 + 16, 16 + 16 + 16, 16 * 15},
		{"ports", 3, 2, 2, 0},
	} {
		s, err := shape.New(tt.kind, tt.n)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Nodes) != tt.nodes || len(s.Links) != tt.links || len(s.All()) != tt.pings {
			t.Errorf("%s: %d nodes, %d links, %d pings, want %d, %d, %d",
				s.Name, len(s.Nodes), len(s.Links), len(s.All()), tt.nodes, tt.links, tt.pings)
		}
		top, err := topology.Parse(topology.Source{Name: s.Name, Text: []byte(s.YAML("machine"))}, nil)
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		last := top.Steps[len(top.Steps)-1].State
		if len(last.Links) != tt.links || len(last.NAT) != len(s.Ports) {
			t.Errorf("%s: nslab reads %d links, %d rules", s.Name, len(last.Links), len(last.NAT))
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind string
		n    int
		want string
	}{
		{"ring", 3, `no shape "ring": there is star, line, tree and ports`},
		{"star", 1, "star of 1: want 2 to 4000, of a tree an even number up to 16"},
		{"tree", 3, "tree of 3: want 2 to 4000, of a tree an even number up to 16"},
	} {
		if _, err := shape.New(tt.kind, tt.n); err == nil || err.Error() != tt.want {
			t.Errorf("%s %d: %v, want %s", tt.kind, tt.n, err, tt.want)
		}
	}
}
