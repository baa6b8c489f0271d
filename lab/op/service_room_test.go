package op_test

import (
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/netns"
	"nslab/lab/op"
)

// A process stays in its namespace when the name goes to another one.
func TestServiceInADeletedNamespace(t *testing.T) {
	kerneltest.Need(t)
	kerneltest.Namespace(t, "moved")
	k := &op.Kernel{Lab: "moved", Dir: t.TempDir(), AllowCommands: true}
	s := op.Service{NS: "moved", Kind: "command", Argv: `["sleep","1000"]`}
	if err := s.Do(k); err != nil {
		t.Fatal(err)
	}
	wantTrue(t, k, s)
	if err := netns.Delete("moved"); err != nil {
		t.Fatal(err)
	}
	wantFalse(t, k, s, "namespace moved does not exist")
	if err := netns.Create("moved", nil); err != nil {
		t.Fatal(err)
	}
	wantFalse(t, k, s, "sleep 1000 in moved runs in another namespace, not in the one of that name now")
	undo(t, k, s)
	if err := s.Do(k); err != nil {
		t.Fatal(err)
	}
	wantTrue(t, k, s)
	undo(t, k, s)
}
