package op_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
	"nslab/topology"
)

func TestChainOfSomebodyElse(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "theirs")
	k, was := remembering("lesson")
	c := op.Chain{NS: "theirs", Table: "nat", Name: "DOCKER"}
	must(t, "theirs", "iptables -t nat -N DOCKER; iptables -t nat -A DOCKER -i docker0 -j RETURN")
	before := ruleset(t, "theirs")
	wantFalse(t, k, c, "table nat has a chain DOCKER in theirs, but this lab did not make it")
	word, err := c.Before(k)
	if err != nil {
		t.Fatal(err)
	}
	was[c] = word
	if err := c.Do(k); !errors.Is(err, unix.EEXIST) {
		t.Errorf("Do: %v, want %v", err, unix.EEXIST)
	}
	undo(t, k, c)
	if diff := cmp.Diff(before, ruleset(t, "theirs")); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

// A chain goes with what others have put into it, but not from under the feet
// of a rule that leads to it.
func TestChainInUse(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "inuse")
	k, was := remembering("lesson")
	c := op.Chain{NS: "inuse", Table: "filter", Name: "MINE"}
	makeFact(t, k, was, c)
	must(t, "inuse", "iptables -A MINE -j DROP; iptables -A FORWARD -j MINE")
	wantTrue(t, k, c)
	const says = "a rule that this lab did not make leads to the chain MINE (`ip netns exec inuse iptables -S` shows it)"
	if err := c.Undo(k); err == nil || !strings.HasPrefix(err.Error(), says) {
		t.Errorf("Undo: %v, want %s", err, says)
	}
	must(t, "inuse", "iptables -D FORWARD -j MINE")
	undo(t, k, c)
	if left := ruleset(t, "inuse"); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}

// iptables-restore makes the chains anew: a rule of the lab tells whose they are.
func TestChainRestored(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "restored")
	k, was := remembering("lesson")
	c := op.Chain{NS: "restored", Table: "filter", Name: "MINE"}
	r := inNS("restored", topology.Rule{Table: "filter", Chain: "MINE", InDev: "eth0", Target: "DROP"})
	makeFact(t, k, was, c)
	makeFact(t, k, was, r)
	must(t, "restored", "iptables-save > /run/chain.rules; iptables -F; iptables -X; iptables-restore /run/chain.rules")
	wantTrue(t, k, c)
	wantTrue(t, k, r)
	undo(t, k, r)
	wantFalse(t, k, c, op.Foreign)
}

// A rule needs its chain, and a filter is never overtaken.
func TestRuleInItsChain(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "nochain")
	k, was := remembering("lesson")
	r := inNS("nochain", topology.Rule{Table: "filter", Chain: "MINE", Target: "ACCEPT"})
	if err := r.Do(k); err == nil || !strings.HasPrefix(err.Error(), "table filter has no chain MINE to put a rule in") {
		t.Errorf("Do: %v", err)
	}
	f := inNS("nochain", topology.Rule{Table: "filter", Chain: "FORWARD", InDev: "eth0", Target: "ACCEPT"})
	must(t, "nochain", "iptables -A FORWARD -j DROP")
	if err := f.Do(k); err != nil {
		t.Fatal(err)
	}
	wantFalse(t, k, f, `the lab's rule "FORWARD -i eth0 -j ACCEPT" is never reached in nochain: rule 1 of FORWARD (DROP) stands ahead of it and takes its packets; this lab did not make it`)
	was[f] = "chain"
	undo(t, k, f)
}

// A policy goes back to what it was, unless somebody else has set one since.
func TestPolicyGoesBack(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "policy")
	k, was := remembering("lesson")
	p := op.Policy{NS: "policy", Chain: "FORWARD", Target: "DROP"}
	wantFalse(t, k, p, "the policy of chain FORWARD in policy is ACCEPT, not DROP")
	makeFact(t, k, was, p)
	undo(t, k, p)
	if left := ruleset(t, "policy"); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
	for _, theirs := range []string{"DROP", "ACCEPT"} {
		clear(was)
		must(t, "policy", "iptables -P FORWARD "+theirs)
		before := ruleset(t, "policy")
		makeFact(t, k, was, p)
		undo(t, k, p)
		if diff := cmp.Diff(before, ruleset(t, "policy")); diff != "" {
			t.Errorf("theirs was %s (-before +after):\n%s", theirs, diff)
		}
	}
	clear(was)
	undo(t, k, p) // never made
}

// A chain that a policy made goes with the rule that came to it later, and the
// table stays when it is somebody else's.
func TestPolicyThenRule(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "later")
	for _, theirs := range []string{"true", "iptables -P INPUT DROP", "iptables -P FORWARD ACCEPT", "iptables -A FORWARD -i lo -j DROP"} {
		must(t, "later", theirs)
		before := ruleset(t, "later")
		k, was := remembering("lesson")
		p := op.Policy{NS: "later", Chain: "FORWARD", Target: "DROP"}
		r := inNS("later", topology.Rule{Table: "filter", Chain: "FORWARD", InDev: "eth0", Target: "ACCEPT"})
		makeFact(t, k, was, p)
		makeFact(t, k, was, r)
		undo(t, k, p)
		undo(t, k, r)
		if diff := cmp.Diff(before, ruleset(t, "later")); diff != "" {
			t.Errorf("after %s (-before +after):\n%s", theirs, diff)
		}
	}
}

// What a lab whose state is lost has left is found by its marks.
func TestChainTraces(t *testing.T) {
	kerneltest.Need(t)
	k, was := remembering("lost")
	c := op.Chain{NS: topology.Host, Table: "filter", Name: "LOST"}
	r := inNS(topology.Host, topology.Rule{Table: "filter", Chain: "LOST", InDev: "eth0", Target: "DROP"})
	makeFact(t, k, was, c)
	makeFact(t, k, was, r)
	traces, err := op.Traces(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, tr := range traces {
		if tr.Lab == "lost" {
			found = append(found, tr.String())
			if err := tr.Remove(); err != nil {
				t.Errorf("%s: %v", tr, err)
			}
		}
	}
	want := []string{
		`rule "ip filter LOST LOST:3614e4ba" (nslab:lost:LOST:3614e4ba)`,
		`chain "ip filter LOST" (nslab:lost:chain:LOST)`,
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantFalse(t, k, r, "is missing")
	wantFalse(t, k, c, "table filter has no chain LOST on the host")
}
