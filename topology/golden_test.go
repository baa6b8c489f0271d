package topology_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/topology"
)

var update = flag.Bool("update", false, "rewrite the .want files of testdata")

// beside finds the files that a file names in its own directory.
func beside(dir string) topology.Opener {
	return func(name, from string) (topology.Source, error) {
		path := filepath.ToSlash(filepath.Join(filepath.Dir(from), name))
		text, err := fs.ReadFile(os.DirFS(dir), path)
		return topology.Source{Name: path, Text: text}, err
	}
}

// parse reads a file of testdata; errors call it by its name alone.
func parse(t *testing.T, path string) (*topology.Topology, error) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return topology.Parse(topology.Source{Name: filepath.Base(path), Text: text}, beside(filepath.Dir(path)))
}

// golden compares got with the file that belongs to path.
func golden(t *testing.T, path, got string) {
	t.Helper()
	want := strings.TrimSuffix(path, ".yaml") + ".want"
	if *update {
		if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func yamlFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	return files
}

func TestEveryMistakeIsReported(t *testing.T) {
	t.Parallel()
	for _, path := range yamlFiles(t, "testdata/bad") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, path)
			if err == nil {
				t.Fatal("no mistake was found")
			}
			golden(t, path, err.Error()+"\n")
		})
	}
}

func TestGoodFilesAreSilent(t *testing.T) {
	t.Parallel()
	for _, path := range yamlFiles(t, "testdata/good") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			lab, err := parse(t, path)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, path, dump(lab))
		})
	}
}

// dump prints a topology so that a person can check it.
func dump(lab *topology.Topology) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s %v\n", lab.Name, lab.Host, lab.Title)
	for i := range lab.Steps {
		dumpStep(&b, &lab.Steps[i])
	}
	return b.String()
}

func dumpStep(b *strings.Builder, s *topology.Step) {
	fmt.Fprintf(b, "\nstep %s %v%s\n", s.Name, s.Title, flagged(" outside", s.Outside))
	for _, n := range s.State.Namespaces {
		dumpNamespace(b, &s.State, n)
	}
	for _, x := range s.State.Networks {
		fmt.Fprintf(b, "  network %s %s\n", x.Name, x.Conf)
	}
	for _, x := range s.State.Bridges {
		fmt.Fprintf(b, "  bridge %s in %s%s%s%s%s%s%s\n", x.Name, x.In, addresses(x.Addresses), said(" kind ", x.Kind.Text), said(" mac ", x.MAC.Text),
			flagged(fmt.Sprintf(" mtu %d", x.MTU), x.MTU != 0), flagged(" stp", x.STP), flagged(" outside", x.Outside))
	}
	for _, l := range s.State.Links {
		dumpLink(b, l)
	}
	for _, n := range s.State.NAT {
		dumpNAT(b, n)
	}
	for _, f := range s.State.Filter {
		dumpFilter(b, "filter", f)
	}
	for _, c := range s.Verify {
		fmt.Fprintf(b, "  verify %s %s expect %s within %q %v %v\n", c.Kind, value(c.Args), value(c.Expect), c.Within, c.Title, c.Hint)
	}
}

func dumpNamespace(b *strings.Builder, state *topology.State, n topology.Namespace) {
	fmt.Fprintf(b, "  namespace %s%s%s%s%s%s\n", n.Name, said(" network ", n.Network.Text), flagged(" lo", n.Lo), addresses(n.LoAddress),
		flagged(" forwarding", n.Forward), flagged(" outside", n.Outside))
	for _, s := range n.Sysctls {
		fmt.Fprintf(b, "    sysctl %s=%s\n", s.Key, s.Value)
	}
	for _, r := range n.Routes {
		fmt.Fprintf(b, "    route %s via %v dev %q metric %d\n", r.To, r.Via, r.Dev.Text, r.Metric)
	}
	for _, e := range n.Neighbours {
		fmt.Fprintf(b, "    neighbour %s %s dev %s\n", e.Address, e.MAC, e.Dev)
	}
	for _, e := range n.FDB {
		fmt.Fprintf(b, "    fdb %s dev %s dst %s\n", e.MAC, e.Dev, e.Dst)
	}
	for _, h := range state.HostLines(&n) {
		fmt.Fprintf(b, "    host %s\n", h)
	}
	for l := range strings.Lines(n.Resolv.Lines()) {
		fmt.Fprintf(b, "    resolv %s", l)
	}
	for _, s := range n.Services {
		fmt.Fprintf(b, "    service %s %s\n", s.Kind, value(s.Args))
		for _, l := range state.DNSNames(n.Name.Text, s) {
			fmt.Fprintf(b, "      name %s\n", l)
		}
	}
	for _, x := range n.CNI {
		fmt.Fprintf(b, "    cni %s %s%s%s\n", x.Network, x.IfName, said(" args ", x.Args), said(" capabilities ", x.Capabilities))
	}
	for _, o := range n.Ports {
		fmt.Fprintf(b, "    port %v:%d:%d/%s%s%s\n", o.HostIP, o.Published, o.Target, o.Protocol, flagged(" nat", o.NAT), flagged(" proxy", o.Proxy))
	}
}

func dumpLink(b *strings.Builder, l topology.Link) {
	fmt.Fprintf(b, "  link %s%s", l.Kind, flagged(" outside", l.Outside))
	for _, e := range l.Ends {
		fmt.Fprintf(b, " [%s%s%s%s%s]", e, addresses(e.Addresses), said(" mac ", e.MAC.Text), flagged(fmt.Sprintf(" mtu %d", e.MTU), e.MTU != 0),
			flagged(" hairpin", e.Hairpin))
	}
	if l.Parent != nil {
		fmt.Fprintf(b, " parent %s", *l.Parent)
	}
	fmt.Fprintf(b, " %s\n", value(l.Options))
}

func dumpNAT(b *strings.Builder, n topology.NAT) {
	if n.Kind.Text == "chain" {
		dumpFilter(b, "nat", topology.Filter{Rule: n.Rule, In: n.In, Outside: n.Outside})
		return
	}
	fmt.Fprintf(b, "  nat %s in %s", n.Kind, n.In)
	if n.Kind.Text == "dnat" {
		fmt.Fprintf(b, " %d/%s at %v", n.Port, n.Proto, n.Dest)
	} else {
		fmt.Fprintf(b, " from %s", n.From)
	}
	fmt.Fprintf(b, " to %v%s%s%s\n", n.To, said(" in-dev ", n.InDev), said(" out-dev ", n.OutDev), flagged(" outside", n.Outside))
}

func dumpFilter(b *strings.Builder, what string, f topology.Filter) {
	fmt.Fprintf(b, "  %s in %s %s%s %s%s%s\n", what, f.In, f.Rule.Chain, flagged(" ipv6", f.Rule.IPv6), strings.Join(f.Rule.Words(), " "),
		said("policy ", f.Policy), flagged(" outside", f.Outside))
}

func addresses(as []topology.Address) string {
	var b strings.Builder
	for _, a := range as {
		b.WriteString(" " + a.Prefix.String())
	}
	return b.String()
}

func flagged(text string, on bool) string {
	if !on {
		return ""
	}
	return text
}

func said(text, what string) string { return flagged(text+what, what != "") }

func value(v topology.Value) string {
	var parts []string
	switch v.Kind {
	case topology.Absent:
		return "-"
	case topology.Scalar:
		return fmt.Sprintf("%q", v.Text)
	case topology.List:
		for _, item := range v.Items {
			parts = append(parts, value(item))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case topology.Map:
	}
	for i, k := range v.Keys {
		parts = append(parts, k.Text+": "+value(v.Items[i]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
