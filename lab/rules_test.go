package lab_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab"
)

// TestManyRules has more rules than fit into one transaction: they come in the
// order of the file, and go together, but for a stranger among them.
func TestManyRules(t *testing.T) {
	needs(t, "iptables")
	s := newSite(t)
	var text strings.Builder
	text.WriteString("name: rules\nnamespaces: {red: {}}\nlinks: [{endpoints: [\"red:eth0 10.9.0.1/24\", \"host:red 10.9.0.2/24\"]}]\nnat:\n")
	want := ""
	for port := 8000; port < 8120; port++ {
		fmt.Fprintf(&text, "  - {dnat: %d/tcp, to: \"10.9.0.1:80\"}\n  - {masquerade: 10.1.%d.0/24}\n", port, port-8000)
		want += fmt.Sprintf("%d ", port)
	}
	order := func() string {
		return sh(t, `iptables -t nat -S PREROUTING 2>/dev/null | sed -n 's/.*--dport \([0-9]*\) .*--to.*:80$/\1/p' | tr '\n' ' '`)
	}
	if verbs := s.apply(text.String(), ""); !only(verbs, lab.Created) {
		t.Errorf("first: %v", verbs)
	}
	if diff := cmp.Diff(want, order()); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if verbs := s.apply(text.String(), ""); !only(verbs, lab.Unchanged) {
		t.Errorf("second: %v", verbs)
	}
	sh(t, "iptables -t nat -D PREROUTING -p tcp --dport 8060 -j DNAT --to-destination 10.9.0.1:80 -m comment --comment nslab:rules:dnat:8060/tcp:10.9.0.1:80 || iptables -t nat -D PREROUTING 61")
	if seen := s.status(); strings.Count(seen, "is missing") != 1 {
		t.Errorf("status says %q", seen)
	}
	sh(t, "iptables -t nat -A PREROUTING -p tcp --dport 9999 -j ACCEPT")
	s.destroy()
	if left := sh(t, "iptables -t nat -S PREROUTING 2>/dev/null; iptables -t nat -S POSTROUTING 2>/dev/null"); left != "-P PREROUTING ACCEPT\n-A PREROUTING -p tcp -m tcp --dport 9999 -j ACCEPT\n-P POSTROUTING ACCEPT\n" {
		t.Errorf("left behind:\n%s", left)
	}
	sh(t, "nft delete table ip nat")
}

// TestPolicyThenRule has the policy make the table, and a rule follow a step
// later: whichever goes last takes the table along.
func TestPolicyThenRule(t *testing.T) {
	needs(t, "iptables")
	text, err := os.ReadFile("testdata/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range [][]string{{"policy", "rule"}, {"rule"}, {"rule", "policy"}} {
		t.Run(strings.Join(way, ", then "), func(t *testing.T) {
			s := newSite(t)
			for _, step := range way {
				s.apply(string(text), step)
			}
			if seen := s.status(); seen != "" {
				t.Error(seen)
			}
			s.destroy()
			if left := sh(t, "nft list tables"); left != "" {
				t.Errorf("left behind:\n%s", left)
			}
		})
	}
}
