package op_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
	"nslab/topology"
)

// TestPolicyMeetsAnotherLab lets a second lab come or go at every point of the
// way of a policy, and go after it or before: nothing is left of the two.
func TestPolicyMeetsAnotherLab(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "meets")
	policy := op.Policy{NS: "meets", Chain: "FORWARD", Target: "DROP"}
	others := map[string]op.Op{
		"the same policy":   policy,
		"one of INPUT":      op.Policy{NS: "meets", Chain: "INPUT", Target: "DROP"},
		"a rule in FORWARD": inNS("meets", topology.Rule{Table: "filter", Chain: "FORWARD", InDev: "eth0", Target: "ACCEPT"}),
	}
	for _, theirs := range []string{"true", "iptables -P OUTPUT ACCEPT"} {
		must(t, "meets", theirs)
		before := ruleset(t, "meets")
		for what, other := range others {
			for _, standing := range []bool{false, true} {
				for at, points := 0, 1; at <= points; at++ {
					points = meet(t, policy, other, standing, at)
					if diff := cmp.Diff(before, ruleset(t, "meets")); diff != "" {
						t.Fatalf("after %s: %s, standing %v, turns at point %d of %d (-before +after):\n%s", theirs, what, standing, at, points, diff)
					}
				}
			}
		}
	}
}

// meet has a fact come and go. At a point of that, another lab comes, or goes when
// it was standing. It says how many points there are.
func meet(t *testing.T, o, other op.Op, standing bool, at int) (points int) {
	t.Helper()
	k, was := remembering("two")
	turn := func() error { return come(k, was, other) }
	if standing {
		makeFact(t, k, was, other)
		turn = func() error { return other.Undo(k) }
	}
	points = comeAndGoDisturbed(t, o, at, turn)
	if !standing || at == 0 {
		undo(t, k, other)
	}
	return points
}

// comeAndGoDisturbed has a fact come and go, and somebody else's turn at a point
// of that, 0 is never. It says how many points there are.
func comeAndGoDisturbed(t *testing.T, o op.Op, at int, turn func() error) (points int) {
	t.Helper()
	k, was := remembering("one")
	k.Fault = func(string) error {
		if points++; points != at {
			return nil
		}
		done := make(chan error)
		go func() { done <- turn() }() // this thread is in the namespace
		return <-done
	}
	if err := come(k, was, o); err != nil {
		t.Fatalf("point %d: %v", at, err)
	}
	undo(t, k, o)
	return points
}

// come makes a fact as a lab does.
func come(k *op.Kernel, was map[op.Op]string, o op.Op) (err error) {
	if was[o], err = o.(op.Rememberer).Before(k); err != nil {
		return err
	}
	return o.Do(k)
}

// What somebody takes away meanwhile is not made again, and what a lab then has to
// make goes with it.
func TestPolicyLosesWhatWasThere(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "loses")
	policy := op.Policy{NS: "loses", Chain: "FORWARD", Target: "DROP"}
	for _, takeAway := range []string{"nft delete table ip filter", "nft delete chain ip filter FORWARD"} {
		must(t, "loses", "iptables -P INPUT ACCEPT; iptables -P FORWARD ACCEPT; "+takeAway)
		without := ruleset(t, "loses")
		for at, points := 1, 1; at <= points; at++ {
			must(t, "loses", "iptables -P INPUT ACCEPT; iptables -P FORWARD ACCEPT")
			points = comeAndGoDisturbed(t, policy, at, func() error {
				_, err := shell(t, "loses", takeAway)
				return err
			})
			if diff := cmp.Diff(without, ruleset(t, "loses")); diff != "" {
				t.Fatalf("%s at point %d of %d (-without +after):\n%s", takeAway, at, points, diff)
			}
		}
	}
}

// The chain that a rule has made says so when the rule is gone, and a policy keeps
// the chain: whoever comes then knows that the table is nobody else's.
func TestPolicyOutlivesTheRule(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "outlives")
	k, was := remembering("one")
	k2, was2 := remembering("two")
	r := inNS("outlives", topology.Rule{Table: "filter", Chain: "FORWARD", InDev: "eth0", Target: "ACCEPT"})
	forward := op.Policy{NS: "outlives", Chain: "FORWARD", Target: "DROP"}
	input := op.Policy{NS: "outlives", Chain: "INPUT", Target: "DROP"}
	makeFact(t, k, was, r)
	makeFact(t, k, was, forward)
	undo(t, k, r)
	makeFact(t, k2, was2, input)
	undo(t, k, forward)
	undo(t, k2, input)
	if left := ruleset(t, "outlives"); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}
