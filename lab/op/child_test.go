package op_test

import (
	"net/netip"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

// childExamples are the kinds of link that sit on another interface, and what
// is told to a vxlan.
func childExamples(t testing.TB) []example { //nolint:thelper // see examples
	t.Helper()
	room, other := op.Namespace{Name: "here"}, op.Namespace{Name: "there"}
	plug := cable(t, place("here", "a"), place("there", "eth0"))
	const foreign = ", but this lab did not make it ("
	macvlan := func(in, mode, more string) op.Op {
		return decoded(t, "Macvlan", `{"NS":"`+in+`","Name":"mac0","Mode":"`+mode+`"`+more+`,"Parent":{"NS":"here","Name":"a"}}`)
	}
	vxlan := func(in, more string) op.Op {
		return decoded(t, "Vxlan", `{"NS":"`+in+`","Name":"vx0","ID":42,"Port":4789`+more+`}`)
	}
	onA, alone := `,"Parent":{"NS":"here","Name":"a"}`, vxlan("here", `,"Parent":{"NS":"here"}`)
	tunnel := []op.Op{room, alone, op.Up{NS: "here", Dev: "vx0"}}
	stops := netip.MustParseAddr("10.9.0.2")
	const links, foreignHere, foreignThere = "ip netns exec here ip -d link; ip netns exec there ip -d link", " exists in here" + foreign, " exists in there" + foreign
	return []example{
		{"macvlan", []op.Op{room, other, plug}, macvlan("there", "bridge", ""), links, "an interface mac0" + foreignThere + "macvlan, "},
		{"macvlan in one place", []op.Op{room, other, plug}, macvlan("here", "vepa", `,"MTU":1400`), links, "an interface mac0" + foreignHere + "macvlan, "},
		{"macvlan, passthru", []op.Op{room, other, plug}, macvlan("there", "passthru", ""), links, "an interface mac0" + foreignThere + "macvlan, "},
		{"vxlan", []op.Op{room}, alone, links, "an interface vx0" + foreignHere + "vxlan, "},
		{
			"vxlan with everything",
			[]op.Op{room, other, plug},
			vxlan("there", onA+`,"Local":"10.9.0.1","Remote":"10.9.0.2","NoLearning":true,"Proxy":true,"MTU":1400`),
			links, "an interface vx0" + foreignThere + "vxlan, ",
		},
		{"vxlan beside another place", []op.Op{room, other}, vxlan("there", `,"Parent":{"NS":"here"}`), links, "an interface vx0" + foreignThere + "vxlan, "},
		{"vxlan over IPv6", []op.Op{room, other, plug}, vxlan("here", onA+`,"Local":"fd00::1","Remote":"fd00::2"`), links, "an interface vx0" + foreignHere + "vxlan, "},
		{"fdb", tunnel, op.FDB{NS: "here", Dev: "vx0", MAC: "02:42:0a:c8:00:04", Dst: stops}, "bridge -n here fdb", ""},
		{"fdb for all", tunnel, op.FDB{NS: "here", Dev: "vx0", MAC: "00:00:00:00:00:00", Dst: stops}, "bridge -n here fdb", ""},
		{"neighbour", tunnel, op.Neighbour{NS: "here", Dev: "vx0", Addr: stops, MAC: "02:42:0a:c8:00:04"}, "ip -n here neigh", ""},
		{"IPv6 neighbour", tunnel, op.Neighbour{NS: "here", Dev: "vx0", Addr: netip.MustParseAddr("fd00::2"), MAC: "02:42:0a:c8:00:04"}, "ip -n here neigh | grep -v ff02:", ""},
		{"second name", []op.Op{other}, op.Attach{Name: "here", To: "there"}, "ip netns; grep -c /run/netns/here /proc/mounts", ""},
		{"second name of the host", nil, op.Attach{Name: "here", To: "host"}, "ip netns; grep -c /run/netns/here /proc/mounts", ""},
	}
}

// TestPassthruIsAlone on its parent: it is the only mode with one child.
func TestPassthruIsAlone(t *testing.T) {
	kerneltest.Need(t)
	kerneltest.Namespace(t, "alone")
	k := &op.Kernel{Lab: "alone"}
	stand(t, k, cable(t, place("alone", "a"), place("alone", "b")))
	child := func(name string) op.Op {
		return decoded(t, "Macvlan", `{"NS":"alone","Name":"`+name+`","Mode":"passthru","Parent":{"NS":"alone","Name":"a"}}`)
	}
	stand(t, k, child("m1"))
	wantTrue(t, k, child("m1"))
	if err := child("m2").Do(k); err == nil {
		t.Error("a second child in mode passthru was made")
	}
}
