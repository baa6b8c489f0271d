package cni_test

import (
	"strings"
)

func rowMACSpoof(r *rig) {
	netns, other := r.container("c1"), r.container("c2")
	more := map[string]any{"macspoofchk": true}
	res, prev := r.added("c1", netns, "eth0", more)
	r.add("c2", other, "eth0", more)
	check := func() answer {
		return r.call("CHECK", "c1", netns, "eth0", map[string]any{"macspoofchk": true, "prevResult": prev})
	}
	pings := func() bool {
		return strings.Contains(r.sh("ip netns exec c1 ping -c1 -W1 10.66.0.1 || true"), " 1 received")
	}
	r.ok(check())
	if !pings() {
		r.Error("under its own address c1 does not reach the gateway")
	}
	own := res.Interfaces[2].Mac
	r.sh("ip -n c1 link set eth0 address 02:00:00:00:00:99")
	if pings() {
		r.Error("under another address c1 reaches the gateway")
	}
	r.sh("ip -n c1 link set eth0 address %s; ebtables -t nat -D PREROUTING 1", own) // by its number: ebtables -D does not see through a comment
	r.fails(check(), 101, "is missing", "ebtables -t nat -A PREROUTING -i "+res.Interfaces[1].Name+" -s ! "+own+" -j DROP")
	r.ok(r.call("DEL", "c1", netns, "eth0", nil)) // which need not know
	r.ok(r.call("GC", "", "", "", map[string]any{"cni.dev/valid-attachments": []any{}}))
	if left := r.sh("nft list tables bridge"); left != "" {
		r.Errorf("left behind: %s", left)
	}
	r.spoofGiven(netns)
}

// spoofGiven has the runtime say the address, and somebody else a rule in the table.
func (r *rig) spoofGiven(netns string) {
	r.Helper()
	r.sh("ebtables -t nat -A PREROUTING -p ARP -j ACCEPT")
	before := r.sh("nft list table bridge nat")
	more := map[string]any{"macspoofchk": true, "runtimeConfig": map[string]any{"mac": "02:00:00:00:00:07"}}
	res := r.add("c1", netns, "eth0", more)
	rules := r.sh("ebtables -t nat -L PREROUTING")
	if want := "-s ! 02:00:00:00:00:07 -i " + res.Interfaces[1].Name + " -j DROP"; strings.Count(rules, want) != 1 {
		r.Errorf("there is no %q in\n%s", want, rules)
	}
	r.ok(r.call("DEL", "c1", netns, "eth0", more))
	if after := r.sh("nft list table bridge nat"); after != before {
		r.Errorf("the table was\n%sand is\n%s", before, after)
	}
	r.sh("nft delete table bridge nat")
}
