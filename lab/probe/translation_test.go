package probe_test

import (
	"net/netip"
	"strings"
	"testing"

	"nslab/lab/op"
	"nslab/lab/probe"
	"nslab/topology"
)

// together is the question of some who ask from one port.
func together(to string, from ...string) topology.Value {
	v := mapping("sport", "5000", "to", to)
	v.Keys, v.Items = append(v.Keys, topology.Word{Text: "from"}), append(v.Items, list(from...))
	return v
}

// question is one such question, and how its answer begins.
type question struct {
	to     string
	expect topology.Value
	status probe.Status
	text   string
}

// within is long where the answer may have to wait for duplicate address
// detection (RFC 4862), and short where silence or a failure is waited for.
func (q question) within() string {
	if q.status == probe.Passed && q.expect.Kind != topology.Scalar {
		return "5s"
	}
	return "500ms"
}

// Two who ask from one port keep it as long as their addresses differ; behind
// one address the second gets another, and nothing where there is no other.
func TestTranslation(t *testing.T) {
	n := newNet(t)
	n.serve(t, op.Service{NS: "blue", Kind: "http", Port: 80})
	n.serve(t, op.Service{NS: "blue", Kind: "tcp-echo", Port: 7})
	ask := func(q question) {
		t.Helper()
		r := n.ask(t, "translation", together(q.to, "red", "dark"), q.expect, q.within())[0]
		if r.Status != q.status || !strings.HasPrefix(r.Message, q.text) {
			t.Errorf("%s: %s %q, want %s %q", r.Assertion.Title(), r.Status, r.Message, q.status, q.text)
		}
	}
	for range 2 { // the port is free again at once
		ask(question{"blue:80", mapping("ports", "kept"), probe.Passed, ""})
	}
	ask(question{"blue:80", list("10.0.0.1", "10.0.3.3"), probe.Passed, ""})
	ask(question{"[fd00:0:0:b::2]:80", list("fd00:0:0:a::1", "fd00:0:0:d::3"), probe.Passed, ""})
	ask(question{
		"blue:80", mapping("seen-as", "10.0.1.254"), probe.Failed,
		"expected seen as 10.0.1.254, got a reply (red port 5000 is seen as 10.0.0.1:5000, dark port 5000 is seen as 10.0.3.3:5000)",
	})
	ask(question{"blue:7", word("no-reply"), probe.Passed, ""})
	ask(question{"blue:9", word("refused"), probe.Passed, ""})
	ask(question{"blue:9", topology.Value{}, probe.Failed, "expected a reply, got refused (red: Connection refused"})

	masquerade := op.Masquerade{NS: "rt", From: netip.MustParsePrefix("10.0.0.0/16"), OutDev: "r1"}
	n.do(t, masquerade)
	ask(question{"blue:80", mapping("seen-as", "10.0.1.254", "ports", "changed"), probe.Passed, ""})
	if err := masquerade.Undo(n.kernel); err != nil {
		t.Fatal(err)
	}
	n.do(t, op.Rule{NS: "rt", Rule: topology.Rule{
		Table: topology.TableNAT, Chain: "POSTROUTING", OutDev: "r1", Protocol: "tcp", Target: "SNAT", To: netip.MustParseAddrPort("10.0.1.254:5000"),
	}})
	ask(question{"blue:80", word("no-reply"), probe.Passed, ""})
}
