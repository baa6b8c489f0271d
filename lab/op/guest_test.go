package op_test

import (
	"net/netip"
	"slices"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

// TestGuest makes the same things for a lab and for a container runtime, whose
// namespace has no name here but a path.
func TestGuest(t *testing.T) {
	kerneltest.Namespace(t, "here")
	lab, _ := remembering("lab")
	guest, _ := remembering("cni/net/0123")
	from := func(a string) op.Op { return op.Masquerade{NS: "host", From: netip.MustParsePrefix(a)} }
	ours := []op.Op{cable(t, place("host", "ours"), place("here", "eth0")), from("10.9.0.0/24")}
	theirs := []op.Op{cable(t, place("host", "theirs"), place("/run/netns/here", "eth1")), from("10.9.1.0/24")}
	for i := range ours {
		stand(t, lab, ours[i])
		stand(t, guest, theirs[i])
	}
	wantTrue(t, guest, theirs[0])
	typeIn(t, op.Command{"ip", "-n", "here", "link", "show", "eth1"})

	labs, err := op.Traces(t.TempDir())
	if err != nil || !slices.Equal(names(labs), []string{"ip nat POSTROUTING masquerade:10.9.0.0/24", "ours"}) {
		t.Errorf("traces of labs: %v, %v", labs, err)
	}
	guests, err := op.GuestTraces()
	if err != nil || !slices.Equal(names(guests), []string{"ip nat POSTROUTING masquerade:10.9.1.0/24", "theirs"}) {
		t.Fatalf("traces of guests: %v, %v", guests, err)
	}
	for _, g := range guests {
		if !g.Of(guest) || g.Of(&op.Kernel{Lab: "cni/net/4567"}) || g.Of(lab) {
			t.Errorf("whose is %v?", g)
		}
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
	}
	for i := range ours {
		wantTrue(t, lab, ours[i])
		if diff, err := theirs[i].Diff(guest); diff == "" || err != nil {
			t.Errorf("%s is true after its trace was removed (%v)", theirs[i], err)
		}
	}
}

func names(traces []op.Trace) []string {
	var out []string
	for _, t := range traces {
		out = append(out, t.Name)
	}
	return out
}
