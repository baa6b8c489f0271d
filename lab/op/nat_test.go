package op_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/op"
	"nslab/topology"
)

// natExamples are rules with what a person types for them, the line that
// iptables prints, without the comment, and the sentence.
var natExamples = []struct {
	name               string
	fact               op.Op
	typed, line, words string
}{
	{
		"masquerade",
		op.Masquerade{NS: "host", From: netip.MustParsePrefix("192.168.15.0/24")},
		"iptables -t nat -A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE",
		"-A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE",
		"192.168.15.0/24 is masqueraded on the host",
	},
	{
		"masquerade unless by",
		op.Masquerade{NS: "host", From: netip.MustParsePrefix("172.17.0.0/16"), OutDev: "!docker0"},
		"iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
		"-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
		"172.17.0.0/16 is masqueraded on the host, unless it leaves by docker0",
	},
	{
		"masquerade odd prefix and wildcard",
		op.Masquerade{NS: "host", From: netip.MustParsePrefix("10.16.0.0/12"), OutDev: "eth+"},
		"iptables -t nat -A POSTROUTING -s 10.16.0.0/12 -o eth+ -j MASQUERADE",
		"-A POSTROUTING -s 10.16.0.0/12 -o eth+ -j MASQUERADE",
		"10.16.0.0/12 is masqueraded on the host, when it leaves by eth+",
	},
	{
		"masquerade everything",
		op.Masquerade{NS: "host", From: netip.MustParsePrefix("0.0.0.0/0"), OutDev: "abcdefghijklmno"},
		"iptables -t nat -A POSTROUTING -o abcdefghijklmno -j MASQUERADE",
		"-A POSTROUTING -o abcdefghijklmno -j MASQUERADE",
		"0.0.0.0/0 is masqueraded on the host, when it leaves by abcdefghijklmno",
	},
	{
		"masquerade IPv6",
		op.Masquerade{NS: "host", From: netip.MustParsePrefix("fd00:15::/64")},
		"ip6tables -t nat -A POSTROUTING -s fd00:15::/64 -j MASQUERADE",
		"-A POSTROUTING -s fd00:15::/64 -j MASQUERADE",
		"fd00:15::/64 is masqueraded on the host",
	},
	{
		"snat",
		op.SNAT{NS: "host", From: netip.MustParsePrefix("10.0.0.1/32"), To: netip.MustParseAddr("1.2.3.4"), OutDev: "eth0"},
		"iptables -t nat -A POSTROUTING -s 10.0.0.1/32 -o eth0 -j SNAT --to-source 1.2.3.4",
		"-A POSTROUTING -s 10.0.0.1/32 -o eth0 -j SNAT --to-source 1.2.3.4",
		"10.0.0.1/32 leaves as 1.2.3.4 on the host, when it leaves by eth0",
	},
	{
		"snat IPv6",
		op.SNAT{NS: "host", From: netip.MustParsePrefix("fd00::/60"), To: netip.MustParseAddr("fd01::1"), OutDev: "! docker0"},
		"ip6tables -t nat -A POSTROUTING -s fd00::/60 ! -o docker0 -j SNAT --to-source fd01::1",
		"-A POSTROUTING -s fd00::/60 ! -o docker0 -j SNAT --to-source fd01::1",
		"fd00::/60 leaves as fd01::1 on the host, unless it leaves by docker0",
	},
	{
		"dnat",
		op.DNAT{NS: "host", Proto: "tcp", Port: 80, To: netip.MustParseAddrPort("192.168.15.2:80")},
		"iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 192.168.15.2:80",
		"-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.168.15.2:80",
		"port 80/tcp on the host leads to 192.168.15.2:80",
	},
	{
		"dnat at an address, from elsewhere, same port",
		op.DNAT{
			NS: "host", Proto: "udp", Port: 53, Dest: netip.MustParseAddr("1.2.3.4"), InDev: "!eth0",
			To: netip.AddrPortFrom(netip.MustParseAddr("192.168.15.2"), 0),
		},
		"iptables -t nat -A PREROUTING -d 1.2.3.4/32 ! -i eth0 -p udp --dport 53 -j DNAT --to-destination 192.168.15.2",
		"-A PREROUTING -d 1.2.3.4/32 ! -i eth0 -p udp -m udp --dport 53 -j DNAT --to-destination 192.168.15.2",
		"port 1.2.3.4:53/udp on the host leads to 192.168.15.2, unless it comes in by eth0",
	},
	{
		"dnat for the host itself",
		op.DNAT{
			NS: "host", Proto: "tcp", Port: 8080, Dest: netip.MustParseAddr("192.168.1.2"),
			To: netip.MustParseAddrPort("172.17.0.2:80"), Local: true,
		},
		"iptables -t nat -A OUTPUT -d 192.168.1.2/32 -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80",
		"-A OUTPUT -d 192.168.1.2/32 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80",
		"port 192.168.1.2:8080/tcp on the host leads to 172.17.0.2:80, for the host's own programs",
	},
	{
		"dnat IPv6",
		op.DNAT{
			NS: "host", Proto: "tcp", Port: 80, Dest: netip.MustParseAddr("fd01::5"), InDev: "eth0",
			To: netip.MustParseAddrPort("[fd00::2]:8000"),
		},
		"ip6tables -t nat -A PREROUTING -d fd01::5/128 -i eth0 -p tcp --dport 80 -j DNAT --to-destination '[fd00::2]:8000'",
		"-A PREROUTING -d fd01::5/128 -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination [fd00::2]:8000",
		"port [fd01::5]:80/tcp on the host leads to [fd00::2]:8000, when it comes in by eth0",
	},
}

// at puts a rule into another namespace than the host.
func at(ns string, o op.Op) op.Op {
	switch f := o.(type) {
	case op.Masquerade:
		f.NS = ns
		return f
	case op.SNAT:
		f.NS = ns
		return f
	case op.DNAT:
		f.NS = ns
		return f
	case op.Chain:
		f.NS = ns
		return f
	case op.Policy:
		f.NS = ns
		return f
	}
	return o
}

func TestNATWords(t *testing.T) {
	t.Parallel()
	for _, tt := range natExamples {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.fact.Command().String(); got != tt.typed {
				t.Errorf("Command:\n got %s\nwant %s", got, tt.typed)
			}
			if got := at("red", tt.fact).Command().String(); got != "ip netns exec red "+tt.typed {
				t.Errorf("Command in red: %s", got)
			}
			if got := tt.fact.String(); got != tt.words {
				t.Errorf("String: %q, want %q", got, tt.words)
			}
			if diff := cmp.Diff([]op.Object{"netns/red"}, at("red", tt.fact).On()); diff != "" {
				t.Errorf("On (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadNAT(t *testing.T) {
	t.Parallel()
	word := func(s string) topology.Word { return topology.Word{Text: s} }
	from, to := netip.MustParsePrefix("192.168.15.7/24"), netip.MustParseAddrPort("192.168.15.2:80")
	for _, tt := range []struct {
		rule topology.NAT
		want op.Op
	}{
		{
			topology.NAT{Kind: word("masquerade"), In: word("host"), From: from, OutDev: "!v-net-0"},
			op.Masquerade{NS: "host", From: from.Masked(), OutDev: "!v-net-0"},
		},
		{
			topology.NAT{Kind: word("snat"), In: word("router"), From: from, To: netip.AddrPortFrom(to.Addr(), 0)},
			op.SNAT{NS: "router", From: from.Masked(), To: to.Addr()},
		},
		{
			topology.NAT{Kind: word("dnat"), Proto: "tcp", Port: 8080, To: to, Dest: to.Addr(), InDev: "eth0"},
			op.DNAT{NS: "host", Proto: "tcp", Port: 8080, To: to, Dest: to.Addr(), InDev: "eth0"},
		},
	} {
		if got := op.ReadNAT(tt.rule); got != tt.want {
			t.Errorf("ReadNAT(%s) = %#v, want %#v", tt.rule.Kind, got, tt.want)
		}
	}
}
