package op_test

import (
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
	"nslab/topology"
)

// The loopback interface of the host is after a lab as it was before.
func TestLoIsPutBack(t *testing.T) {
	kerneltest.Need(t)
	var was string
	k := &op.Kernel{Lab: "t", Was: func(op.Op) string { return was }}
	up := op.Up{NS: topology.Host, Dev: "lo"}
	t.Cleanup(func() { _ = up.Do(k) })
	for _, on := range []bool{true, false} {
		set := up.Undo
		if on {
			set = up.Do
		}
		err := set(k)
		if err == nil {
			was, err = op.Lo{}.Before(k)
		}
		if err == nil {
			err = op.Lo{}.Do(k)
		}
		if err != nil {
			t.Fatal(err)
		}
		wantTrue(t, k, op.Lo{})
		undo(t, k, op.Lo{})
		if diff, err := up.Diff(k); err != nil || (diff == "") != on {
			t.Errorf("it was on: %v, and is now: %q, %v", on, diff, err)
		}
	}
}
