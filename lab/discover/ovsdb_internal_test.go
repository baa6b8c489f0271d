package discover

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/topology"
)

// ovsReply is what Open vSwitch 3.1 answered, cut to two ports.
const ovsReply = `{"id":0,"result":[{"rows":[{"name":"sw0","ports":["set",[["uuid","p1"],["uuid","p2"]]]},{"name":"sw1","ports":["uuid","p3"]}]},
{"rows":[{"_uuid":["uuid","p1"],"interfaces":["uuid","i1"],"name":"sw0","tag":["set",[]]},{"_uuid":["uuid","p2"],"interfaces":["uuid","i2"],"name":"p-blue","tag":10}]},
{"rows":[{"_uuid":["uuid","i1"],"name":"sw0","type":"internal"},{"_uuid":["uuid","i2"],"name":"p-blue","type":""}]}],"error":null}`

func TestOVSReply(t *testing.T) {
	t.Parallel()
	got, err := readOVSReply(strings.NewReader(ovsReply))
	if err != nil {
		t.Fatal(err)
	}
	want := ovsTables{
		Bridges:    []ovsRow{{Name: "sw0", Ports: ovsSet{"p1", "p2"}}, {Name: "sw1", Ports: ovsSet{"p3"}}},
		Ports:      byID([]ovsRow{{ID: ovsSet{"p1"}, Name: "sw0", Interfaces: ovsSet{"i1"}}, {ID: ovsSet{"p2"}, Name: "p-blue", Interfaces: ovsSet{"i2"}, Tag: ovsSet{"10"}}}),
		Interfaces: byID([]ovsRow{{ID: ovsSet{"i1"}, Name: "sw0", Type: "internal"}, {ID: ovsSet{"i2"}, Name: "p-blue"}}),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzOVS has a switch answer anything: the lab file is valid all the same, and
// nothing that is no place at a switch of Open vSwitch is taken for one.
func FuzzOVS(f *testing.F) {
	f.Add(ovsReply)
	f.Add(strings.ReplaceAll(ovsReply, "sw0", "eth0"))
	f.Add(strings.ReplaceAll(ovsReply, "p-blue", `\u001b[31m`))
	f.Add(`{"result":[{"error":"not allowed"},{},{}]}`)
	f.Add(`{"result":[{"rows":[{"name":"sw0","ports":["set",[[[]]]]}]},{},{}]}`)
	f.Fuzz(func(t *testing.T, reply string) {
		tables, err := readOVSReply(strings.NewReader(reply))
		if err != nil {
			return
		}
		n := &Namespace{Name: topology.Host, Interfaces: []*Interface{
			{Index: 1, Name: "sw0", Kind: "tuntap", MTU: 1500}, {Index: 2, Name: "p-blue", Kind: "veth", MTU: 1500}, {Index: 3, Name: "eth0", Kind: "veth", MTU: 1500},
		}}
		n.plugOpenVSwitch(tables)
		if n.Interface("eth0").Kind != "veth" || n.Interface("p-blue").Kind != "veth" {
			t.Error("a cable is taken for a switch")
		}
		var lab strings.Builder
		m := Machine{Namespaces: []*Namespace{n}}
		if err := m.WriteLab(&lab); err != nil {
			t.Fatal(err)
		}
		if _, err := topology.Parse(topology.Source{Name: "found", Text: []byte(lab.String())}, nil); err != nil {
			t.Errorf("%v in\n%s", err, lab.String())
		}
	})
}
