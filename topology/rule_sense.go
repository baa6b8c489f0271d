package topology

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// target reads what a rule does with a packet: a target of its table, or the
// name of a chain.
func (p *parser) target(a *Args, r Rule) string {
	w := a.Word("target")
	if w.Text == "" {
		return ""
	}
	p.paths[w.Pos] = at(a.path, "target")
	if problem := targetProblem(r, w.Text); problem != "" {
		p.add(w.Pos, at(a.path, "target"), "%s", problem)
	}
	return w.Text
}

// allowed says in which chains of table nat a target makes sense; chains of
// one's own may be called from any.
var allowed = map[string][]string{
	"DNAT":       {"PREROUTING", "OUTPUT"},
	"MASQUERADE": {"POSTROUTING"},
	"SNAT":       {"POSTROUTING", "INPUT"},
}

func targetProblem(r Rule, target string) string {
	from, bound := allowed[target]
	switch {
	case target == "DROP" && r.Table == TableNAT:
		return "table nat only sees the first packet of a connection and drops nothing: write the rule into `filter`"
	case target == "REJECT" && r.Table == TableNAT:
		return "only table filter rejects: write the rule into `filter`"
	case bound && r.Table == TableFilter:
		return fmt.Sprintf("only table nat translates addresses: write the rule into `nat` (chain %s)", from[0])
	case bound && BuiltinChain(r.Table, r.Chain) && !slices.Contains(from, r.Chain):
		return fmt.Sprintf("%s stands in %s only, where it can still matter, not in %s", target, strings.Join(from, " and "), r.Chain)
	case BuiltinChain(TableFilter, target) || BuiltinChain(TableNAT, target):
		return fmt.Sprintf("a rule cannot lead to %s: only the kernel calls that chain", target)
	case target == r.Chain:
		return fmt.Sprintf("the chain %s would call itself for ever", cut(target))
	}
	return ""
}

// ruleTo reads `to` of SNAT and DNAT.
func (p *parser) ruleTo(a *Args, r Rule) netip.AddrPort {
	path := at(a.path, "to")
	switch {
	case r.Table == TableFilter:
		return netip.AddrPort{}
	case r.Target != "SNAT" && r.Target != "DNAT":
		if a.has("to") {
			p.add(keyPos(a.v, "to"), path, "only SNAT and DNAT have a `to`")
		}
		return netip.AddrPort{}
	}
	w := a.Required("to", map[string]string{"SNAT": "192.168.1.2", "DNAT": `"192.168.15.2:80"`}[r.Target])
	if w.Text == "" {
		return netip.AddrPort{}
	}
	to, problem := target(w.Text)
	switch {
	case problem != "":
	case to.Port() != 0 && r.Protocol != "tcp" && r.Protocol != "udp":
		problem = "only tcp and udp have ports: say `protocol: tcp`"
	}
	if problem != "" {
		p.add(w.Pos, path, "%s", problem)
	}
	return to
}

// blind says what a chain cannot know of a packet.
var blind = map[string]map[string]string{
	"in-dev": {
		"OUTPUT":      "what leaves here has not come in by any interface",
		"POSTROUTING": "POSTROUTING only knows where a packet leaves: use `out-dev`",
	},
	"out-dev": {
		"PREROUTING": "PREROUTING comes before the routing decision: use `in-dev`",
		"INPUT":      "what arrives here does not leave: use `in-dev`",
	},
}

// sense complains about what cannot be meant.
func (p *parser) sense(a *Args, r Rule) {
	for _, key := range []string{"in-dev", "out-dev"} {
		if why := blind[key][r.Chain]; why != "" && a.has(key) {
			p.add(keyPos(a.v, key), at(a.path, key), "%s", why)
		}
	}
	for _, key := range []string{"sport", "dport"} {
		if a.has(key) && r.Protocol != "tcp" && r.Protocol != "udp" {
			p.add(keyPos(a.v, key), at(a.path, key), "only tcp and udp have ports, so iptables wants -p before --%s: say `protocol: tcp`", key)
		}
	}
	if a.has("target") || a.has("policy") {
		return
	}
	asks := slices.ContainsFunc(matchKeys, a.has)
	switch {
	case asks:
		a.Complain(a.v.Pos, "the rule lacks its `target`: what becomes of such a packet? %s, or the name of a chain", strings.Join(targets[r.Table], ", "))
	case BuiltinChain(r.Table, r.Chain):
		a.Complain(a.v.Pos, "the chain %s is always there: a rule in it has a `target`", r.Chain)
	}
}
