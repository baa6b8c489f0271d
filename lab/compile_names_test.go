package lab_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/op"
)

// Who has the network of another namespace has its names, unless the file says
// otherwise. The host's second name has the host's own files.
func TestNamesOfASecondName(t *testing.T) {
	t.Parallel()
	p := plan(t, "lab.yaml", `
namespaces:
  web: {hostname: box, resolv: {nameservers: 10.0.0.9}}
  side: {network: "container:web"}
  other: {network: "container:web", hosts: {db: 10.0.0.7}}
  out: {network: host}
bridges: {sw: {addresses: [10.0.0.1/24]}}
links: [{endpoints: ["web:eth0 10.0.0.2/24", "sw:p"]}]
`)
	var got []op.Op
	for _, f := range p.Stages[0].Facts {
		switch f.Op.(type) {
		case op.Hosts, op.Resolv:
			got = append(got, f.Op)
		}
	}
	want := []op.Op{
		op.Hosts{NS: "web", Lines: "10.0.0.2 box\n"},
		op.Resolv{NS: "web", Lines: "nameserver 10.0.0.9\n"},
		op.Hosts{NS: "side", Lines: "10.0.0.2 box\n"},
		op.Resolv{NS: "side", Lines: "nameserver 10.0.0.9\n"},
		op.Hosts{NS: "other", Lines: "10.0.0.7 db\n"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
