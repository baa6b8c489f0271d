package discover_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/kerneltest"
)

// typed are commands of iptables, and what the lab file makes of each: nothing
// where a comment says what is left out. Every command finds the chain MINE.
var typed = []struct{ command, line, left string }{
	{"-A FORWARD -i v-net-0 -o v-net-0 -j ACCEPT", `{chain: FORWARD, in-dev: "v-net-0", out-dev: "v-net-0", target: ACCEPT, in: red}`, ""},
	{"-A FORWARD ! -i v-net+ -j DROP", `{chain: FORWARD, in-dev: "!v-net+", target: DROP, in: red}`, ""},
	{"-A INPUT -s 10.1.0.0/20 ! -d 10.2.0.0/16 -p icmp -j DROP", `{chain: INPUT, source: "10.1.0.0/20", destination: "!10.2.0.0/16", protocol: icmp, target: DROP, in: red}`, ""},
	{"-A OUTPUT -p tcp --sport 7 --dport 8 -j REJECT", `{chain: OUTPUT, protocol: tcp, sport: 7, dport: 8, target: REJECT, in: red}`, ""},
	{"-A OUTPUT -p udp --sport 7 -j RETURN", `{chain: OUTPUT, protocol: udp, sport: 7, target: RETURN, in: red}`, ""},
	{"-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j MINE", `{chain: FORWARD, ctstate: [RELATED, ESTABLISHED], target: MINE, in: red}`, ""},
	{"-A MINE -m addrtype --src-type LOCAL --dst-type BROADCAST -j RETURN", `{chain: MINE, src-type: LOCAL, dst-type: BROADCAST, target: RETURN, in: red}`, ""},
	{"-P FORWARD DROP", `{chain: FORWARD, policy: DROP, in: red}`, ""},
	{"-t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport 80 -j DNAT --to-destination 10.1.0.2:8080", `{chain: PREROUTING, protocol: tcp, dport: 80, dst-type: LOCAL, target: DNAT, to: "10.1.0.2:8080", in: red}`, ""},
	{"-t nat -A POSTROUTING -s 10.1.0.2 -d 10.1.0.2 -p tcp --dport 80 -j MASQUERADE", `{chain: POSTROUTING, source: "10.1.0.2/32", destination: "10.1.0.2/32", protocol: tcp, dport: 80, target: MASQUERADE, in: red}`, ""},
	{"-t nat -A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE", `{masquerade: "10.1.0.0/16", in: red}`, ""},

	{"-A FORWARD -p tcp --dport 80:90 -j ACCEPT", "", "FORWARD: -p tcp ... -j ACCEPT"},
	{"-A FORWARD -p tcp --syn -j ACCEPT", "", "FORWARD: -p tcp ... -j ACCEPT"},
	{"-A FORWARD -m mark --mark 7 -j ACCEPT", "", "FORWARD: ... -j ACCEPT"},
	{"-A FORWARD -m conntrack ! --ctstate NEW -j ACCEPT", "", "FORWARD: -m conntrack --ctstate NEW ... -j ACCEPT"},
	{"-A FORWARD -j REJECT --reject-with icmp-host-unreachable", "", "FORWARD: ... -j REJECT"},
	{"-A FORWARD -g MINE", "", "FORWARD: ... -j MINE"},
	{"-A FORWARD -p icmp", "", "FORWARD: -p icmp"},
	{"-A FORWARD -i gone0 -j ACCEPT", "", "FORWARD: -i gone0 -j ACCEPT"},
}

// TestIPTables types rules at both iptables and reads them.
func TestIPTables(t *testing.T) {
	kerneltest.Need(t)
	for _, tool := range []string{"iptables", "iptables-legacy"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs", tool)
		}
		for _, c := range typed {
			t.Run(tool+" "+c.command, func(t *testing.T) {
				kerneltest.Namespace(t, "red")
				sh(t, "ip -n red link add v-net-0 type bridge; ip netns exec red "+tool+" -N MINE; ip netns exec red "+tool+" "+c.command)
				m := read(t, nobody)
				text := labFile(t, m)
				if len(m.Unseen) > 0 || len(m.Namespace("red").Unseen) > 0 {
					t.Errorf("not seen: %q %q", m.Unseen, m.Namespace("red").Unseen)
				}
				var lines, left []string
				for line := range strings.Lines(text) {
					line = strings.TrimSpace(line)
					if rule, ok := strings.CutPrefix(line, "# left out: a rule in red: "); ok {
						left = append(left, rule)
					} else if rule, ok := strings.CutPrefix(line, "- {"); ok && line != "- {chain: MINE, in: red}" {
						lines = append(lines, "{"+rule)
					}
				}
				if diff := cmp.Diff(nonEmpty(c.line), lines); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(nonEmpty(c.left), left); diff != "" {
					t.Errorf("left out (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// What a lab file has no place for is named: tables of one's own, and the IPv6
// rules of the old iptables.
func TestForeignRules(t *testing.T) {
	kerneltest.Need(t)
	for _, tool := range []string{"nft", "ip6tables-legacy", "ip6tables"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs", tool)
		}
	}
	kerneltest.Namespace(t, "red")
	sh(t, `ip netns exec red nft 'add table inet wall; add chain inet wall gate { type filter hook forward priority 0; policy drop; }'
		ip netns exec red ip6tables-legacy -A INPUT -j DROP
		ip netns exec red ip6tables -A INPUT -s fd00::/64 -p ipv6-icmp -j DROP`)
	m := read(t, nobody)
	text := labFile(t, m)
	for _, want := range []string{
		"# left out: in red: chain gate of table inet wall\n",
		"# not seen in red: the IPv6 rules of the old iptables: ip6tables-legacy-save shows them\n",
		`- {chain: INPUT, family: ipv6, source: "fd00::/64", protocol: icmp, target: DROP, in: red}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	want := []string{"the IPv6 rules of the old iptables: ip6tables-legacy-save shows them"}
	if diff := cmp.Diff(want, m.Namespace("red").Unseen); diff != "" {
		t.Errorf("not seen (-want +got):\n%s", diff)
	}
}
