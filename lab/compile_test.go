package lab_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab"
	"nslab/lab/op"
	"nslab/topology"
)

// The world outside and the lab may both name hosts for the lab's host, which
// has one hosts file. The lab's word counts; on a machine it is the only one.
func TestOneHostsFile(t *testing.T) {
	t.Parallel()
	const ours = "{host: {hosts: {blue: 192.168.15.2, router: 192.168.1.254}}, red: {hosts: {blue: 192.168.15.2}}}"
	const theirs = "{host: {hosts: {router: 192.168.1.1, neighbor: 192.168.1.3}}}"
	all := []op.Hosts{
		{NS: "host", Lines: "192.168.1.254 router\n192.168.1.3 neighbor\n192.168.15.2 blue\n"},
		{NS: "red", Lines: "192.168.15.2 blue\n"},
	}
	tests := []struct {
		name, theirs, ours string
		machine            bool
		want               []op.Hosts
	}{
		{"both", theirs, ours, false, all},
		{"both on a machine", theirs, ours, true, []op.Hosts{
			{NS: "host", Lines: "192.168.15.2 blue\n192.168.1.254 router\n"}, all[1],
		}},
		{"only the world outside", theirs, "{host: {}, red: {}}", false, []op.Hosts{
			{NS: "host", Lines: "192.168.1.1 router\n192.168.1.3 neighbor\n"},
		}},
		{"only the lab", "{host: {}, far: {}}", ours, false, []op.Hosts{
			{NS: "host", Lines: "192.168.15.2 blue\n192.168.1.254 router\n"}, all[1],
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, facts[op.Hosts](t, tt.theirs, tt.ours, tt.machine)); diff != "" {
				t.Errorf("hosts files (-want +got):\n%s", diff)
			}
		})
	}
}

// Nor can a setting have two values.
func TestOneValue(t *testing.T) {
	t.Parallel()
	const theirs = "{host: {forwarding: true, sysctls: {net.ipv4.ip_default_ttl: 32}}}"
	const ours = "{host: {forwarding: true, sysctls: {net.ipv4.ip_default_ttl: 99}}}"
	want := []op.Sysctl{
		{NS: "host", Key: "net.ipv4.ip_forward", Value: "1"},
		{NS: "host", Key: "net.ipv4.ip_default_ttl", Value: "99"},
	}
	if diff := cmp.Diff(want, facts[op.Sysctl](t, theirs, ours, false)); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

// facts are those of one kind that a lab in a world outside has.
func facts[F op.Op](t *testing.T, theirs, ours string, machine bool) []F {
	t.Helper()
	src := topology.Source{Name: "lab.yaml", Text: []byte("outside: lan.yaml\nnamespaces: " + ours)}
	top, err := topology.Parse(src, func(name, _ string) (topology.Source, error) {
		if name != "lan.yaml" {
			return topology.Source{}, fs.ErrNotExist
		}
		return topology.Source{Name: name, Text: []byte("namespaces: " + theirs)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := lab.Compile(top, machine)
	if err != nil {
		t.Fatal(err)
	}
	var out []F
	for _, f := range p.Stages[len(p.Stages)-1].Facts {
		if o, ok := f.Op.(F); ok {
			out = append(out, o)
		}
	}
	return out
}

// Only a vxlan has somewhere to send frames to; the kernel would say "operation
// not supported" in the middle of the lab.
func TestFDBOfACable(t *testing.T) {
	t.Parallel()
	src := topology.Source{Name: "lab.yaml", Text: []byte(`namespaces:
  red: {fdb: [{mac: "02:00:00:00:00:02", dev: vx0, dst: 10.0.0.2}, {mac: "02:00:00:00:00:03", dev: eth0, dst: 10.0.0.2}]}
links: [{endpoints: ["red:eth0", "host:r"]}, {kind: vxlan, id: 1, endpoint: "red:vx0"}]
`)}
	top, err := topology.Parse(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = "lab.yaml:2:100: fdb: eth0 is no vxlan: only a vxlan sends its frames to other machines"
	if _, err := lab.Compile(top, false); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// A vxlan may leave the way to the routing table beside its parent; a macvlan
// sits on an interface.
func TestMacvlanSitsOnAnInterface(t *testing.T) {
	t.Parallel()
	top, err := topology.Parse(topology.Source{Name: "lab.yaml", Text: []byte(`namespaces: {red: {}, blue: {}}
links: [{kind: macvlan, parent: blue, endpoint: "red:m0"}, {kind: vxlan, id: 1, parent: blue, endpoint: "red:vx0"}]
`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lab.Compile(top, false)
	const want = `lab.yaml:2:33: links.macvlan: want the interface that the macvlan sits on, for example "blue:eth0", found "blue"`
	if err == nil || err.Error() != want {
		t.Errorf("Compile says %v, want %s", err, want)
	}
}

// Questions are counted over the whole file.
func TestTooManyQuestions(t *testing.T) {
	t.Parallel()
	var names []string
	var b strings.Builder
	b.WriteString("name: crowd\nnamespaces:\n")
	for i := range 360 {
		names = append(names, fmt.Sprintf("n%d", i))
		fmt.Fprintf(&b, "  n%d: {lo: {addresses: [10.0.%d.%d/32]}}\n", i, i/200, i%200)
	}
	among := fmt.Sprintf("  - {ping: {among: [%s]}}\n", strings.Join(names, ", "))
	b.WriteString("verify:\n" + among)
	for _, want := range []string{"", "crowd.yaml:365:6: verify: a lab file may ask 250000 questions, and with this one there are more"} {
		top, err := topology.Parse(topology.Source{Name: "crowd.yaml", Text: []byte(b.String())}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if _, err := lab.Compile(top, false); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
		b.WriteString(among)
	}
}
