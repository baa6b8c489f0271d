package op_test

import (
	"strings"
	"sync"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/netns"
	"nslab/lab/op"
)

// A tunnel is made although one like it is left in a namespace that has no name
// any more: as soon as the kernel has freed that.
func TestVxlanAfterOneThatDies(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	kerneltest.Namespace(t, "tunnels")
	kerneltest.Namespace(t, "tunnel-end")
	tunnel := decoded(t, "Vxlan", `{"NS":"tunnel-end","Name":"vx0","Parent":{"NS":"tunnels"},"ID":42,"Port":4789}`)
	k := &op.Kernel{Lab: "tunnels"}
	makeTrue(t, k, tunnel)
	dying, err := netns.Open("tunnel-end")
	if err != nil {
		t.Fatal(err)
	}
	if err := netns.Delete("tunnel-end"); err != nil {
		t.Fatal(err)
	}
	kerneltest.Namespace(t, "tunnel-end")
	requests, free := 0, sync.OnceValue(dying.Close)
	k.Fault = func(point string) error {
		if strings.HasPrefix(point, "before ") {
			requests++
		}
		if requests < 10 {
			return nil
		}
		return free() // it was refused a few times
	}
	if err := tunnel.Do(k); err != nil {
		t.Fatalf("after %d requests: %v", requests, err)
	}
	if requests < 10 {
		t.Errorf("made with %d requests, while the other one was there", requests)
	}
	if diff, err := tunnel.Diff(k); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
