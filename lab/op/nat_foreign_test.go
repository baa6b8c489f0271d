package op_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

func TestNATLeavesForeignRules(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "foreign")
	k, was := remembering("lesson")
	ours := []op.Op{
		masquerade("foreign", "192.168.15.0/24"),
		leadWeb("foreign", "192.168.15.2:80"),
		op.DNAT{NS: "foreign", Proto: "tcp", Port: 81, To: netip.MustParseAddrPort("192.168.15.2:80"), Local: true},
	}
	for _, setup := range []string{
		"iptables -t nat -A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE",
		"iptables -t nat -N OTHER",
		"iptables -t nat -A PREROUTING -p tcp --dport 9 -j ACCEPT; iptables -t nat -D PREROUTING -p tcp --dport 9 -j ACCEPT",
		"nft flush ruleset; nft add table ip nat",
	} {
		must(t, "foreign", setup)
		before := ruleset(t, "foreign")
		clear(was)
		for _, o := range ours {
			makeFact(t, k, was, o)
		}
		for _, o := range ours {
			undo(t, k, o)
		}
		if diff := cmp.Diff(before, ruleset(t, "foreign")); diff != "" {
			t.Errorf("after %s (-before +after):\n%s", setup, diff)
		}
	}
}

func TestNATKeepsWhatCameLater(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "later")
	k, was := remembering("lesson")
	o := masquerade("later", "192.168.15.0/24")
	makeFact(t, k, was, o)
	must(t, "later", "iptables -t nat -A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE")
	undo(t, k, o)
	want := "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n-A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE\n"
	if diff := cmp.Diff(want, must(t, "later", "iptables -t nat -S")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	must(t, "later", "iptables -t nat -D POSTROUTING -s 10.1.0.0/16 -j MASQUERADE; iptables -t nat -A OUTPUT -j ACCEPT; iptables -t nat -D OUTPUT -j ACCEPT")
	undo(t, k, o)
	if left := ruleset(t, "later"); left != "" {
		t.Errorf("empty chains are left behind:\n%s", left)
	}
}

func TestNATKeepsATableWithASet(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "nft")
	kerneltest.Namespace(t, "set")
	k, was := remembering("lesson")
	o := masquerade("set", "192.168.15.0/24")
	makeFact(t, k, was, o)
	must(t, "set", "nft add set ip nat rooms '{ type ipv4_addr; }'")
	undo(t, k, o)
	want := "table ip nat {\n\tset rooms {\n\t\ttype ipv4_addr\n\t}\n}\n"
	if diff := cmp.Diff(want, ruleset(t, "set")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whichever rule goes last, of whichever lab, takes the table with it.
func TestNATUndoInAnyOrder(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "order")
	red, redWas := remembering("red")
	blue, blueWas := remembering("blue")
	a, b := masquerade("order", "192.168.15.0/24"), leadWeb("order", "192.168.15.2:80")
	c := masquerade("order", "10.0.0.0/8")
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {0, 2, 1}} {
		clear(redWas)
		clear(blueWas)
		makeFact(t, red, redWas, a)
		makeFact(t, red, redWas, b)
		makeFact(t, blue, blueWas, c)
		all := []func(){func() { undo(t, red, a) }, func() { undo(t, red, b) }, func() { undo(t, blue, c) }}
		for _, i := range order {
			all[i]()
		}
		if left := ruleset(t, "order"); left != "" {
			t.Errorf("order %v leaves\n%s", order, left)
		}
	}
}
