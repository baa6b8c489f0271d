package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"nslab/lab/netns"
	"nslab/lab/op"
	"nslab/topology"
)

// Outcomes of the question whether two names are one namespace.
const (
	Same      Outcome = "same"
	Different Outcome = "different"
	mixed     Outcome = "mixed"
)

// namespace asks whether names stand for one network namespace: who has the
// same inode shares interfaces, routes, ports and rules, namespaces(7).
type namespace struct{ among string } // words parted by spaces, so that it stays comparable

func readNamespace(r *reader) []Probe {
	nodes := r.Words("among")
	if len(nodes) < 2 {
		r.Complain(r.check.Pos, "among: want at least two namespaces: among: [host, web]")
	}
	var names []string
	for _, w := range nodes {
		r.asker(w)
		names = append(names, w.Text)
	}
	return []Probe{namespace{strings.Join(names, " ")}}
}

func (p namespace) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

func (p namespace) ask(context.Context, *rig, patience) Answer {
	var seen, words []string
	names := strings.Fields(p.among)
	for _, name := range names {
		id, err := identify(name)
		if err != nil {
			return broken(err)
		}
		if !slices.Contains(seen, id) {
			seen = append(seen, id)
		}
		words = append(words, name+" is "+id)
	}
	a := Answer{Outcome: mixed, Text: strings.Join(words, ", ")}
	switch len(seen) {
	case 1:
		a.Outcome = Same
	case len(names):
		a.Outcome = Different
	}
	return a
}

// identify is what `readlink /proc/PID/ns/net` prints inside.
func identify(name string) (string, error) {
	_, inode, err := netns.ID(name)
	if name == topology.Host {
		var host *netns.NS
		if host, err = netns.Current(); err == nil {
			defer host.Close()
			_, inode, err = host.ID()
		}
	}
	return fmt.Sprintf("net:[%d]", inode), err
}

func (p namespace) Command() op.Command {
	c := op.Command{"stat", "-L", "-c", "%n net:[%i]"}
	for name := range strings.FieldsSeq(p.among) {
		if name == topology.Host {
			c = append(c, "/proc/self/ns/net")
		} else {
			c = append(c, netns.Dir+"/"+name)
		}
	}
	return c
}

func (p namespace) String() string {
	return strings.Join(strings.Fields(p.among), " and ") + " are one network namespace"
}

func (p namespace) Nodes() []string { return strings.Fields(p.among) }
