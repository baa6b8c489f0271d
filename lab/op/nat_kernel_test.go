package op_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"

	"nslab/lab/kerneltest"
	"nslab/lab/netns"
	"nslab/lab/op"
)

// shell runs a command inside a namespace and returns what it printed.
func shell(t *testing.T, ns, line string) (string, error) {
	t.Helper()
	n, err := netns.Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	var out strings.Builder
	cmd := exec.Command("sh", "-c", line)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := n.Start(cmd); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	return out.String(), err
}

func must(t *testing.T, ns, line string) string {
	t.Helper()
	out, err := shell(t, ns, line)
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return out
}

func needTools(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs", tool, "to compare with:", err)
		}
	}
	out, err := exec.Command("iptables", "-V").Output()
	if err != nil || !strings.Contains(string(out), "nf_tables") {
		t.Skipf("needs the iptables of nf_tables: %s %v", out, err)
	}
}

// remembering is a kernel whose Was works as the journal does.
func remembering(lab string) (*op.Kernel, map[op.Op]string) {
	was := map[op.Op]string{}
	return &op.Kernel{Lab: lab, Was: func(o op.Op) string { return was[o] }}, was
}

// makeFact remembers, does, and checks that the fact is true then.
func makeFact(t *testing.T, k *op.Kernel, was map[op.Op]string, o op.Op) {
	t.Helper()
	before, err := o.(op.Rememberer).Before(k)
	if err != nil {
		t.Fatalf("Before: %v", err)
	}
	if _, known := was[o]; !known {
		was[o] = before
	}
	if err := o.Do(k); err != nil {
		t.Fatalf("Do: %v", err)
	}
	wantTrue(t, k, o)
}

func wantTrue(t *testing.T, k *op.Kernel, o op.Op) {
	t.Helper()
	if diff, err := o.Diff(k); diff != "" || err != nil {
		t.Fatalf("%s: %q, %v", o, diff, err)
	}
}

func wantFalse(t *testing.T, k *op.Kernel, o op.Op, words string) {
	t.Helper()
	if diff, err := o.Diff(k); err != nil || !strings.Contains(diff, words) {
		t.Fatalf("%s: Diff %q, %v; want words %q", o, diff, err, words)
	}
}

func undo(tb testing.TB, k *op.Kernel, o op.Op) {
	tb.Helper()
	if err := o.Undo(k); err != nil {
		tb.Fatalf("Undo %s: %v", o, err)
	}
}

// ruleset is everything of nf_tables in a namespace.
func ruleset(t *testing.T, ns string) string {
	t.Helper()
	return must(t, ns, "nft list ruleset")
}

// tool is the one that a command of the host uses.
func tool(o op.Op) string { return o.Command()[0] }

var commentWords = regexp.MustCompile(` -m comment --comment "[^"]*"| comment "[^"]*"`)

func plain(s string) string { return commentWords.ReplaceAllString(s, "") }

// masquerade and leadWeb are short for the facts of the tests below.
func masquerade(ns, from string) op.Op {
	return op.Masquerade{NS: ns, From: netip.MustParsePrefix(from)}
}

func leadWeb(ns, to string) op.Op {
	return op.DNAT{NS: ns, Proto: "tcp", Port: 80, To: netip.MustParseAddrPort(to)}
}

func TestNATFacts(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "ip6tables", "nft")
	for i, tt := range natExamples {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ns := fmt.Sprint("fact", i)
			kerneltest.Namespace(t, ns)
			k, was := remembering("lesson")
			o := at(ns, tt.fact)
			wantFalse(t, k, o, "is missing in "+ns)
			makeFact(t, k, was, o)

			listed := must(t, ns, tool(tt.fact)+" -t nat -S")
			if !strings.Contains(plain(listed), "\n"+tt.line+"\n") {
				t.Errorf("iptables shows\n%s\nnot %s", listed, tt.line)
			}
			mark := regexp.MustCompile(`"nslab:lesson:[^"]*"`)
			shown := mark.FindString(listed)
			if nft := ruleset(t, ns); shown == "" || !strings.Contains(nft, "comment "+shown) {
				t.Errorf("iptables shows the mark %s, nft shows\n%s", shown, nft)
			}
			undo(t, k, o)
			wantFalse(t, k, o, "is missing")
			undo(t, k, o)
			if left := ruleset(t, ns); left != "" {
				t.Errorf("left behind:\n%s", left)
			}
		})
	}
}

// What nslab writes and what iptables writes for the printed command are the
// same but for the comment, expression for expression.
func TestNATSameAsIptables(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "ip6tables", "nft")
	kerneltest.Namespace(t, "typed")
	kerneltest.Namespace(t, "made")
	k, was := remembering("lesson")
	for _, tt := range natExamples {
		must(t, "typed", tt.fact.Command().String())
		makeFact(t, k, was, at("made", tt.fact))
	}
	for _, look := range []string{
		"iptables-save -t nat | grep -v ^#", "ip6tables-save -t nat | grep -v ^#",
		"nft list ruleset", `nft --debug=netlink list ruleset 2>&1 | grep -e '^ip' -e '^  \['`,
	} {
		if diff := cmp.Diff(must(t, "typed", look), plain(must(t, "made", look))); diff != "" {
			t.Errorf("%s (-typed +made):\n%s", look, diff)
		}
	}
	for _, tt := range natExamples {
		must(t, "made", tt.fact.Inverse().String()+" -m comment --comment "+markOf(t, "made", tt.fact, tt.line))
	}
	if left := must(t, "made", "iptables -t nat -S; ip6tables -t nat -S"); strings.Contains(left, "-A") {
		t.Errorf("iptables did not delete its like:\n%s", left)
	}
}

// markOf finds the comment under which iptables shows a rule.
func markOf(t *testing.T, ns string, o op.Op, line string) string {
	t.Helper()
	for l := range strings.Lines(must(t, ns, tool(o)+" -t nat -S")) {
		if strings.TrimSpace(plain(l)) == line {
			return regexp.MustCompile(`"nslab:[^"]*"`).FindString(l)
		}
	}
	t.Fatalf("no rule %s", line)
	return ""
}

func TestNATDrift(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "drift")
	k, was := remembering("lesson")
	o := masquerade("drift", "192.168.15.0/24")
	makeFact(t, k, was, o)
	mark := markOf(t, "drift", at("host", o), "-A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE")
	for _, tt := range []struct{ hand, words string }{
		{"iptables -t nat -F POSTROUTING", "is missing"},
		{"iptables -t nat -R POSTROUTING 1 -s 192.168.16.0/24 -j MASQUERADE -m comment --comment " + mark, "was altered"},
		{"iptables -t nat -A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE -m comment --comment " + mark, "stands there 2 times"},
		{"nft flush ruleset", "is missing"},
	} {
		must(t, "drift", tt.hand)
		wantFalse(t, k, o, `the lab's rule "POSTROUTING -s 192.168.15.0/24 -j MASQUERADE" `+tt.words+" in drift")
		makeFact(t, k, was, o)
	}
	must(t, "drift", "iptables-save > /run/drift.rules; iptables-restore /run/drift.rules")
	wantTrue(t, k, o)
	undo(t, k, o)
	if left := ruleset(t, "drift"); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}

func TestNATStrangeNeighbours(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "iptables", "nft")
	kerneltest.Namespace(t, "strange")
	must(t, "strange", "iptables -t nat -A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE")
	k, was := remembering(strings.Repeat("long", 40))
	err := k.Inside("strange", func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		table := &nftables.Table{Name: "nat", Family: nftables.TableFamilyIPv4}
		for _, data := range []string{"my id", "\x00", "\x00\xff", "\x00\x00", "n\x7f"} {
			conn.AddRule(&nftables.Rule{Table: table, Chain: &nftables.Chain{Name: "POSTROUTING"}, UserData: []byte(data)})
		}
		return conn.Flush()
	})
	if err != nil {
		t.Fatal(err)
	}
	before := ruleset(t, "strange")
	a, b := masquerade("strange", "192.168.15.0/24"), masquerade("strange", "192.168.16.0/24")
	makeFact(t, k, was, a)
	makeFact(t, k, was, b)
	if listed := must(t, "strange", "iptables -t nat -S"); strings.Count(listed, "nslab:longlong") != 2 {
		t.Errorf("a long mark is not shown:\n%s", listed)
	}
	undo(t, k, a)
	wantTrue(t, k, b)
	undo(t, k, b)
	if diff := cmp.Diff(before, ruleset(t, "strange")); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestNATRefusesAnotherChain(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "nft")
	kerneltest.Namespace(t, "unhooked")
	must(t, "unhooked", "nft add table ip nat; nft add chain ip nat POSTROUTING")
	k, _ := remembering("lesson")
	err := masquerade("unhooked", "192.168.15.0/24").Do(k)
	want := "table nat has a chain POSTROUTING that is not the one of iptables, so no packet would see a rule in it: rename it"
	if err == nil || err.Error() != want {
		t.Errorf("Do: %v, want %s", err, want)
	}
}

func TestNATWithoutNamespace(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	k, _ := remembering("lesson")
	o := masquerade("nowhere", "192.168.15.0/24")
	wantFalse(t, k, o, "namespace nowhere does not exist")
	undo(t, k, o)
	if err := o.Do(k); err == nil || !os.IsNotExist(err) && !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("Do in no namespace: %v", err)
	}
}

// Not parallel: it counts the descriptors of the process.
func TestNATClosesItsSockets(t *testing.T) {
	kerneltest.Need(t)
	kerneltest.Namespace(t, "sockets")
	k, was := remembering("lesson")
	o := masquerade("sockets", "192.168.15.0/24")
	makeFact(t, k, was, o)
	before := descriptors(t)
	for range 20 {
		makeFact(t, k, was, o)
		undo(t, k, o)
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}
