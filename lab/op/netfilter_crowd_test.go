package op_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

// TestRulesOfACrowd has labs of one machine come and go at the same time: the
// last to go takes the table along, and that must never be one in which another
// has just put something.
func TestRulesOfACrowd(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "nft")
	kerneltest.Namespace(t, "crowd")
	facts := []op.Op{
		masquerade("crowd", "192.168.15.0/24"),
		op.Chain{NS: "crowd", Table: "nat", Name: "OWN"},
		leadWeb("crowd", "192.168.15.2:80"),
		op.Policy{NS: "crowd", Chain: "FORWARD", Target: "DROP"}, // of another table: it only gets in the way
	}
	var labs sync.WaitGroup
	for i, o := range facts {
		labs.Go(func() {
			k, was := remembering(fmt.Sprint("lab", i))
			for round := range 12 {
				if err := comeAndGo(k, was, o); err != nil {
					t.Errorf("%v, round %d: %v", o, round, err)
					return
				}
			}
		})
	}
	labs.Wait()
	if left := ruleset(t, "crowd"); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}

// comeAndGo makes a fact, looks whether it stays true, and takes it back.
func comeAndGo(k *op.Kernel, was map[op.Op]string, o op.Op) error {
	clear(was)
	if r, ok := o.(op.Rememberer); ok {
		word, err := r.Before(k)
		if err != nil {
			return fmt.Errorf("before: %w", err)
		}
		was[o] = word
	}
	if err := o.Do(k); err != nil {
		return fmt.Errorf("do: %w", err)
	}
	diff, err := o.Diff(k)
	if err == nil && diff != "" {
		err = errors.New("somebody took it away: " + diff)
	}
	if err != nil {
		return errors.Join(err, o.Undo(k))
	}
	if err := o.Undo(k); err != nil {
		return fmt.Errorf("undo: %w", err)
	}
	return nil
}
