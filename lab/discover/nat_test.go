package discover_test

import (
	"os/exec"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/kerneltest"
)

// chains are those of the rules that are typed in the words of nft.
const chains = `nft 'add table ip own; add chain ip own out { type nat hook postrouting priority 100; }; add chain ip own in { type nat hook prerouting priority -100; }'
`

// TestRules types rules in the words of iptables and of nft, and reads them.
func TestRules(t *testing.T) {
	for _, tool := range []string{"iptables", "ip6tables", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs", tool)
		}
	}
	kerneltest.Need(t)
	for _, c := range []struct {
		typed, want string
		whole       bool
	}{
		{"iptables -t nat -A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE", "POSTROUTING -s 192.168.15.0/24 -j MASQUERADE", true},
		{"iptables -t nat -A POSTROUTING -s 172.17.0.0/20 ! -o docker0 -j MASQUERADE", "POSTROUTING -s 172.17.0.0/20 ! -o docker0 -j MASQUERADE", true},
		{"iptables -t nat -A POSTROUTING -s 10.1.2.3 -o eth+ -j SNAT --to-source 1.2.3.4", "POSTROUTING -s 10.1.2.3/32 -o eth+ -j SNAT --to-source 1.2.3.4", true},
		{"iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 192.168.15.2:8080", "PREROUTING -p tcp --dport 80 -j DNAT --to-destination 192.168.15.2:8080", true},
		{"iptables -t nat -A PREROUTING -d 5.6.7.8 -p udp --dport 53 -m comment --comment hi -j DNAT --to-destination 1.1.1.1", "PREROUTING -d 5.6.7.8/32 -p udp --dport 53 -j DNAT --to-destination 1.1.1.1", true},
		{"iptables -t nat -A PREROUTING -p tcp --dport 80:90 -j DNAT --to-destination 1.1.1.1", "PREROUTING -p tcp ... -j DNAT --to-destination 1.1.1.1", false},
		{"iptables -t nat -A PREROUTING ! -s 9.9.9.9 -p tcp --dport 80 -j DNAT --to-destination 1.1.1.1", "PREROUTING ! -s 9.9.9.9/32 -p tcp --dport 80 -j DNAT --to-destination 1.1.1.1", true},
		{"iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 1.1.1.1-1.1.1.9", "PREROUTING -p tcp --dport 80 ... -j DNAT --to-destination 1.1.1.1", false},
		{"iptables -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080", "PREROUTING -p tcp --dport 80 ... -j REDIRECT", false},
		{"iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j ACCEPT", "", false},
		{"ip6tables -t nat -A POSTROUTING -s fd00:15::/64 -j MASQUERADE", "POSTROUTING -s fd00:15::/64 -j MASQUERADE", true},
		{"nft add rule ip own out ip saddr 10.1.0.0/16 oifname eth0 masquerade", "out -s 10.1.0.0/16 -o eth0 -j MASQUERADE", true},
		{"nft add rule ip own out ip saddr 10.1.0.7 snat to 9.9.9.9", "out -s 10.1.0.7/32 -j SNAT --to-source 9.9.9.9", true},
		{"nft add rule ip own in iifname in0 tcp dport 81 dnat to 10.2.2.2:80", "in -i in0 -p tcp --dport 81 -j DNAT --to-destination 10.2.2.2:80", true},
	} {
		t.Run(c.typed, func(t *testing.T) {
			kerneltest.Namespace(t, "red")
			sh(t, "ip netns exec red sh -ec \""+chains+c.typed+"\"")
			var got []string
			for _, r := range read(t, nobody).Namespace("red").NAT {
				got = append(got, r.Chain+" "+r.String())
				if r.Whole != c.whole {
					t.Errorf("whole is %t", r.Whole)
				}
			}
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Hooks at which something may be dropped are noted: what is dropped is not read.
func TestFilters(t *testing.T) {
	kerneltest.Need(t)
	if _, err := exec.LookPath("iptables"); err != nil {
		t.Skip("needs iptables")
	}
	kerneltest.Namespace(t, "red")
	sh(t, "ip netns exec red iptables -P FORWARD DROP; ip netns exec red iptables -A INPUT -p icmp -j DROP")
	red := read(t, nobody).Namespace("red")
	if diff := cmp.Diff([]string{"forward", "input"}, slices.Sorted(slices.Values(red.Filters))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
