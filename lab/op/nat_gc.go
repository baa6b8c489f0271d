package op

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"

	"nslab/topology"
)

// ruleTraces lists the rules of the host's tables `ip nat` and `ip6 nat` whose
// comment is a mark. A kernel without nf_tables has none.
func ruleTraces() ([]Trace, error) {
	var out []Trace
	for _, family := range []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6} {
		t, err := openNAT(family)
		if err != nil {
			return nil, nil //nolint:nilerr // no tables, no rules
		}
		for _, c := range t.chains {
			rules, err := t.rules(c.Name)
			if err != nil {
				return nil, fmt.Errorf("list the rules of nat %s: %w", c.Name, err)
			}
			for _, r := range rules {
				out = append(out, ruleTrace(family, c.Name, r)...)
			}
		}
	}
	return out, nil
}

// ruleTrace is the trace that a rule is, or nothing.
func ruleTrace(family nftables.TableFamily, chain string, r *nftables.Rule) []Trace {
	mark := ruleComment(r)
	lab, object, ok := readMark(mark)
	if !ok {
		return nil
	}
	name := "ip nat " + chain + " " + object
	if family == nftables.TableFamilyIPv6 {
		name = "ip6 nat " + chain + " " + object
	}
	rule := natRule{ns: topology.Host, family: family, chain: chain, object: object, flows: flowsOf(object)}
	return []Trace{{
		Kind: TraceRule, Name: name, Lab: lab, Mark: mark,
		remove: func() error { return rule.undo(&Kernel{Lab: lab}, hadChain) },
	}}
}

// Objects of marks, as natObject makes them.
var (
	fromObject = topology.Pattern(`^(?:masquerade|snat):([0-9a-f.:]+/[0-9]+)`)
	dnatObject = topology.Pattern(`^dnat(?:-local)?:(?:.*:)?([0-9]+)/(tcp|udp):(.*)$`)
)

// flowsOf are the flows that the rule of a mark speaks of; none when the mark
// does not tell.
func flowsOf(object string) func(*netlink.ConntrackFlow) bool {
	if m := fromObject().FindStringSubmatch(object); m != nil {
		if from, err := netip.ParsePrefix(m[1]); err == nil {
			return flowsFrom(from)
		}
	}
	if m := dnatObject().FindStringSubmatch(object); m != nil {
		port, err := strconv.ParseUint(m[1], 10, 16)
		if to := targetIn(m[3]); err == nil && to.IsValid() {
			return DNAT{Proto: m[2], Port: uint16(port), To: netip.AddrPortFrom(to, 0)}.flow
		}
	}
	return func(*netlink.ConntrackFlow) bool { return false }
}

// targetIn finds the address in "DEV:ADDR:PORT", of which only ADDR is always there.
func targetIn(s string) netip.Addr {
	_, rest, _ := strings.Cut(s, ":")
	for _, text := range []string{s, rest} {
		if a, err := netip.ParseAddrPort(text); err == nil {
			return a.Addr()
		}
		if a, err := netip.ParseAddr(text); err == nil {
			return a
		}
	}
	return netip.Addr{}
}
