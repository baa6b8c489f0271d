package op_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

// decoded is a fact as a journal writes it down.
func decoded(tb testing.TB, fact, is string) op.Op {
	tb.Helper()
	o, err := op.Decode(json.RawMessage(fmt.Sprintf(`{"fact":%q,"is":%s}`, fact, is)))
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

func renameable(t *testing.T, ns, other string) []op.Op {
	t.Helper()
	return []op.Op{
		decoded(t, "Veth", fmt.Sprintf(`{"NS":%q,"Name":"va","Peer":{"NS":%q,"Name":"vb"}}`, ns, other)),
		decoded(t, "Bridge", fmt.Sprintf(`{"NS":%q,"Name":"sw"}`, ns)),
	}
}

// Somebody renamed, or gave a new address to, what the lab has made: it is
// known all the same, said so, and removed.
func TestLinkIsKnownUnderAnotherName(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "ip")
	kerneltest.Namespace(t, "names-a")
	kerneltest.Namespace(t, "names-b")
	facts := renameable(t, "names-a", "names-b")
	for _, c := range []struct {
		fact             op.Op
		ns, change, says string
	}{
		{facts[0], "names-a", "ip link set va name mine", "va in names-a was renamed to mine"},
		{facts[0], "names-b", "ip link set vb name theirs", "vb in names-b was renamed to theirs"},
		{facts[0], "names-a", "ip link set va name mine; ip link add va type veth peer name vx", "va in names-a was renamed to mine"},
		{facts[0], "names-a", "ip link set va address 02:00:00:00:00:01", "va in names-a has the address 02:00:00:00:00:01"},
		{facts[1], "names-a", "ip link set sw name mine", "sw in names-a was renamed to mine"},
		{facts[1], "names-a", "ip link set sw address 02:00:00:00:00:01", "sw in names-a has the address"},
	} {
		t.Run(c.change, func(t *testing.T) {
			k := &op.Kernel{Lab: "renamed"}
			if err := c.fact.Do(k); err != nil {
				t.Fatal(err)
			}
			must(t, c.ns, c.change)
			wantFalse(t, k, c.fact, c.says)
			undo(t, k, c.fact)
			left := must(t, "names-a", "ip -o link") + must(t, "names-b", "ip -o link")
			if strings.Contains(left, "mine") || strings.Contains(left, "theirs") || strings.Contains(left, "vb") || strings.Contains(left, "sw:") {
				t.Errorf("left behind:\n%s", left)
			}
			_, _ = shell(t, "names-a", "ip link del va 2>/dev/null")
		})
	}
}

// A foreign interface of the name, and what has borrowed the address of ours,
// are left alone.
func TestLinkLeavesForeignInterfaces(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "ip")
	kerneltest.Namespace(t, "alien-a")
	kerneltest.Namespace(t, "alien-b")
	k := &op.Kernel{Lab: "alien"}
	facts := renameable(t, "alien-a", "alien-b")
	must(t, "alien-a", "ip link add sw type bridge; ip link add va type veth peer name vx")
	before := must(t, "alien-a", "ip -o link")
	for _, o := range facts {
		wantFalse(t, k, o, "but this lab did not make it")
		undo(t, k, o)
	}
	if got := must(t, "alien-a", "ip -o link"); got != before {
		t.Errorf("foreign interfaces were changed:\n%s\n%s", before, got)
	}
	must(t, "alien-a", "ip link del va; ip link del sw")
	if err := facts[0].Do(k); err != nil {
		t.Fatal(err)
	}
	mac := strings.TrimSpace(must(t, "alien-a", "cat /sys/class/net/va/address 2>/dev/null || ip -o link show va | sed 's/.*ether \\([^ ]*\\).*/\\1/'"))
	must(t, "alien-a", "ip link add top address "+mac+" type bridge; ip link del va")
	undo(t, k, facts[0])
	must(t, "alien-a", "ip link show top")
}
