package op_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
	"nslab/topology"
)

// ruleExamples are rules with what a person types behind -A, and the line that
// iptables prints, without the comment, where that is not the same.
var ruleExamples = []struct {
	rule        topology.Rule
	typed, line string
}{
	{topology.Rule{Table: "filter", Chain: "FORWARD", Target: "MINE"}, "FORWARD -j MINE", ""},
	{
		topology.Rule{Table: "filter", Chain: "FORWARD", OutDev: "docker0", CTState: "RELATED,ESTABLISHED", Target: "ACCEPT"},
		"FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "",
	},
	{
		topology.Rule{Table: "filter", Chain: "FORWARD", InDev: "docker0", OutDev: "!docker0", Target: "ACCEPT"},
		"FORWARD -i docker0 ! -o docker0 -j ACCEPT", "",
	},
	{
		topology.Rule{
			Table: "filter", Chain: "MINE", Destination: netip.MustParsePrefix("172.17.0.2/32"), InDev: "!docker0", OutDev: "docker0",
			Protocol: "tcp", DstPort: 80, Target: "ACCEPT",
		},
		"MINE -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT",
		"MINE -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT",
	},
	{
		topology.Rule{
			Table: "filter", Chain: "MINE", Source: netip.MustParsePrefix("172.17.0.4/32"), Destination: netip.MustParsePrefix("172.17.0.2/32"),
			InDev: "docker0", OutDev: "docker0", Protocol: "udp", SrcPort: 53, DstPort: 5353, Target: "RETURN",
		},
		"MINE -s 172.17.0.4/32 -d 172.17.0.2/32 -i docker0 -o docker0 -p udp --sport 53 --dport 5353 -j RETURN",
		"MINE -s 172.17.0.4/32 -d 172.17.0.2/32 -i docker0 -o docker0 -p udp -m udp --sport 53 --dport 5353 -j RETURN",
	},
	{
		topology.Rule{Table: "filter", Chain: "INPUT", Protocol: "icmp", CTState: "INVALID,NEW,UNTRACKED,SNAT,DNAT", Target: "DROP"},
		"INPUT -p icmp -m conntrack --ctstate INVALID,NEW,UNTRACKED,SNAT,DNAT -j DROP", "",
	},
	{
		topology.Rule{Table: "filter", Chain: "INPUT", Protocol: "tcp", DstPort: 22, Target: "REJECT"},
		"INPUT -p tcp --dport 22 -j REJECT", "INPUT -p tcp -m tcp --dport 22 -j REJECT --reject-with icmp-port-unreachable",
	},
	{
		topology.Rule{Table: "filter", Chain: "OUTPUT", Protocol: "tcp", SrcPort: 80, Target: "ACCEPT"},
		"OUTPUT -p tcp --sport 80 -j ACCEPT", "OUTPUT -p tcp -m tcp --sport 80 -j ACCEPT",
	},
	{
		topology.Rule{Table: "filter", Chain: "INPUT", IPv6: true, Protocol: "ipv6-icmp", Target: "ACCEPT"},
		"INPUT -p ipv6-icmp -j ACCEPT", "",
	},
	{
		topology.Rule{
			Table: "filter", Chain: "MINE", IPv6: true, Source: netip.MustParsePrefix("fd00::/60"), NotSource: true,
			CTState: "ESTABLISHED", Target: "REJECT",
		},
		"MINE ! -s fd00::/60 -m conntrack --ctstate ESTABLISHED -j REJECT",
		"MINE ! -s fd00::/60 -m conntrack --ctstate ESTABLISHED -j REJECT --reject-with icmp6-port-unreachable",
	},
	{
		topology.Rule{Table: "nat", Chain: "PREROUTING", DstType: "LOCAL", Target: "MINE"},
		"PREROUTING -m addrtype --dst-type LOCAL -j MINE", "",
	},
	{
		topology.Rule{
			Table: "nat", Chain: "OUTPUT", Destination: netip.MustParsePrefix("127.0.0.0/8"), NotDestination: true, DstType: "LOCAL", Target: "MINE",
		},
		"OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j MINE", "",
	},
	{
		topology.Rule{Table: "nat", Chain: "POSTROUTING", OutDev: "docker0", SrcType: "LOCAL", Target: "MASQUERADE"},
		"POSTROUTING -o docker0 -m addrtype --src-type LOCAL -j MASQUERADE", "",
	},
	{
		topology.Rule{
			Table: "nat", Chain: "POSTROUTING", Source: netip.MustParsePrefix("172.17.0.2/32"), Destination: netip.MustParsePrefix("172.17.0.2/32"),
			Protocol: "tcp", DstPort: 80, Target: "MASQUERADE",
		},
		"POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp --dport 80 -j MASQUERADE",
		"POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE",
	},
	{topology.Rule{Table: "nat", Chain: "MINE", InDev: "docker0", Target: "RETURN"}, "MINE -i docker0 -j RETURN", ""},
	{
		topology.Rule{
			Table: "nat", Chain: "MINE", InDev: "!docker0", Protocol: "tcp", DstPort: 8080, DstType: "LOCAL",
			Target: "DNAT", To: netip.MustParseAddrPort("172.17.0.2:80"),
		},
		"MINE ! -i docker0 -p tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination 172.17.0.2:80",
		"MINE ! -i docker0 -p tcp -m tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination 172.17.0.2:80",
	},
	{
		topology.Rule{
			Table: "nat", Chain: "MINE", IPv6: true, DstType: "LOCAL", SrcType: "UNICAST", Protocol: "udp",
			Target: "SNAT", To: netip.AddrPortFrom(netip.MustParseAddr("fd00::1"), 0),
		},
		"MINE -p udp -m addrtype --src-type UNICAST --dst-type LOCAL -j SNAT --to-source fd00::1", "",
	},
	{
		topology.Rule{Table: "nat", Chain: "POSTROUTING", Protocol: "tcp", Target: "SNAT", To: netip.MustParseAddrPort("192.168.1.2:5000")},
		"POSTROUTING -p tcp -j SNAT --to-source 192.168.1.2:5000", "",
	},
	{
		topology.Rule{Table: "nat", Chain: "MINE", IPv6: true, Protocol: "udp", Target: "SNAT", To: netip.MustParseAddrPort("[fd00::1]:5000")},
		"MINE -p udp -j SNAT --to-source '[fd00::1]:5000'", "MINE -p udp -j SNAT --to-source [fd00::1]:5000",
	},
}

func inNS(ns string, r topology.Rule) op.Op { return op.Rule{NS: ns, Rule: r} }

// own makes the chain MINE in every table, which some examples lead to.
func own(ns string) []op.Op {
	var out []op.Op
	for _, table := range []string{"filter", "nat"} {
		out = append(out, op.Chain{NS: ns, Table: table, Name: "MINE"}, op.Chain{NS: ns, Table: table, IPv6: true, Name: "MINE"})
	}
	return out
}

// rulePrefix is "iptables -t nat -A ", or the like.
func rulePrefix(r topology.Rule) string {
	tool := "iptables "
	if r.IPv6 {
		tool = "ip6tables "
	}
	if r.Table != "filter" {
		tool += "-t " + r.Table + " "
	}
	return tool + "-A "
}

func TestRuleWords(t *testing.T) {
	t.Parallel()
	for _, tt := range ruleExamples {
		if diff := cmp.Diff(rulePrefix(tt.rule)+tt.typed, inNS("host", tt.rule).Command().String()); diff != "" {
			t.Errorf("Command (-want +got):\n%s", diff)
		}
	}
	r := inNS("red", ruleExamples[2].rule)
	if want := "ip netns exec red iptables -D FORWARD -i docker0 ! -o docker0 -j ACCEPT"; r.Inverse().String() != want {
		t.Errorf("Inverse: %s, want %s", r.Inverse(), want)
	}
	for i, want := range map[int]string{
		0:  "FORWARD in red asks MINE about everything",
		1:  "FORWARD in red accepts what leaves by docker0 and is RELATED or ESTABLISHED",
		2:  "FORWARD in red accepts what comes in by docker0 and leaves by another than docker0",
		3:  "MINE in red accepts what comes in by another than docker0, leaves by docker0, is for 172.17.0.2, is tcp and asks for port 80",
		11: "OUTPUT in red asks MINE about what is not for 127.0.0.0/8 and is for a local address",
		14: "MINE in red is done with what comes in by docker0",
		15: "MINE in red leads to 172.17.0.2:80 what comes in by another than docker0, is for a local address, is tcp and asks for port 8080",
		16: "MINE in red sends as fd00::1 what is from a unicast address, is for a local address and is udp",
	} {
		if diff := cmp.Diff(want, inNS("red", ruleExamples[i].rule).String()); diff != "" {
			t.Errorf("String (-want +got):\n%s", diff)
		}
	}
}

// What nslab writes and what iptables writes for the printed commands are the
// same but for the comments, expression for expression; and it all goes.
func TestRulesSameAsIptables(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "ip6tables", "nft")
	kerneltest.Namespace(t, "ruletyped")
	kerneltest.Namespace(t, "rulemade")
	k, was := remembering("lesson")
	var made []op.Op
	for i, o := range own("ruletyped") {
		must(t, "ruletyped", own("host")[i].Command().String())
		made = append(made, at("rulemade", o))
	}
	for _, tt := range ruleExamples {
		must(t, "ruletyped", inNS("host", tt.rule).Command().String())
		made = append(made, inNS("rulemade", tt.rule))
	}
	policy := op.Policy{Chain: "FORWARD", Target: "DROP"}
	must(t, "ruletyped", at("host", policy).Command().String())
	made = append(made, at("rulemade", policy))
	for _, o := range made {
		makeFact(t, k, was, o)
	}
	for _, look := range []string{
		"iptables-save | grep -v ^#", "ip6tables-save | grep -v ^#",
		"nft list ruleset | grep -v '^	*comment '", `nft --debug=netlink list ruleset 2>/dev/null | grep -e '^ip' -e '^  \['`,
	} {
		if diff := cmp.Diff(must(t, "ruletyped", look), plain(must(t, "rulemade", look))); diff != "" {
			t.Errorf("%s (-typed +made):\n%s", look, diff)
		}
	}
	listed := plain(must(t, "rulemade", "iptables-save; ip6tables-save"))
	for _, tt := range ruleExamples {
		wantLine(t, listed, tt.typed, tt.line)
	}
	for i := range made {
		undo(t, k, made[len(made)-1-i])
	}
	if left := ruleset(t, "rulemade"); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}

func wantLine(t *testing.T, listed, typed, line string) {
	t.Helper()
	if line == "" {
		line = typed
	}
	if !strings.Contains(listed, "\n-A "+line+"\n") {
		t.Errorf("iptables shows\n%s\nnot %s", listed, line)
	}
}
