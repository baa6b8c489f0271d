package op_test

import (
	"net/netip"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

// A rule is no good behind one that takes its packets: Diff says so, and Do
// goes ahead of it.
func TestNATBehindAnotherRule(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "shadow")
	masq := op.Masquerade{NS: "shadow", From: netip.MustParsePrefix("192.168.15.0/24"), OutDev: "eth0"}
	lead := leadWeb("shadow", "192.168.15.2:80")
	const never = " is never reached in shadow: rule 1 of "
	for _, c := range []struct {
		fact         op.Op
		change, says string
	}{
		{masq, "POSTROUTING -j RETURN", never + "POSTROUTING (RETURN) stands ahead of it and takes its packets"},
		{masq, "POSTROUTING -j ACCEPT", never + "POSTROUTING (ACCEPT)"},
		{masq, "POSTROUTING -s 192.168.15.0/24 -j RETURN", never + "POSTROUTING (RETURN)"},
		{masq, "POSTROUTING -o eth0 -m comment --comment mine -j SNAT --to-source 1.2.3.4", never + "POSTROUTING (SNAT)"},
		{masq, "POSTROUTING -o eth1 -j RETURN", ""},
		{masq, "POSTROUTING -s 10.0.0.0/8 -j MASQUERADE", ""},
		{masq, "POSTROUTING -s 192.168.15.0/24 -o eth0 -j MASQUERADE", ""}, // the same
		{masq, "POSTROUTING -s 192.168.15.0/24 -m mark --mark 7 -j RETURN", ""},
		{masq, "POSTROUTING -j MINE", ""},
		{lead, "PREROUTING -p tcp -j ACCEPT", never + "PREROUTING (ACCEPT)"},
		{lead, "PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.1", never + "PREROUTING (DNAT)"},
		{lead, "PREROUTING -p tcp --dport 81 -j DNAT --to-destination 10.0.0.1", ""},
	} {
		k, was := remembering("shadow")
		must(t, "shadow", "iptables -t nat -N MINE")
		before := ruleset(t, "shadow")
		makeFact(t, k, was, c.fact)
		must(t, "shadow", "iptables -t nat -I "+c.change)
		if c.says == "" {
			wantTrue(t, k, c.fact)
		} else {
			wantFalse(t, k, c.fact, c.says)
		}
		undo(t, k, c.fact)
		makeFact(t, k, was, c.fact)
		undo(t, k, c.fact)
		must(t, "shadow", "iptables -t nat -D "+c.change)
		if after := ruleset(t, "shadow"); len(after) < len(before) {
			t.Errorf("%s: more went than was the lab's:\n%s", c.change, after)
		}
		must(t, "shadow", "nft flush ruleset")
	}
}
