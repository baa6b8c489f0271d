package op

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/google/nftables/xt"
	"github.com/vishvananda/netlink"

	"nslab/topology"
)

// tables are all that nslab writes rules into.
var tables = []chainRule{
	{table: tableNAT, family: nftables.TableFamilyIPv4},
	{table: tableNAT, family: nftables.TableFamilyIPv6},
	{table: tableFilter, family: nftables.TableFamilyIPv4},
	{table: tableFilter, family: nftables.TableFamilyIPv6},
	{table: tableNAT, family: nftables.TableFamilyBridge},
}

// ruleTraces lists the rules of the host's tables whose comment is a mark, and
// then the chains, which rules may lead to. A kernel without nf_tables has none.
func ruleTraces() ([]Trace, error) {
	var rules, chains []Trace
	for _, in := range tables {
		t, err := openTable(in.table, in.family)
		if err != nil {
			continue // no tables, no rules
		}
		t.whole = true
		for _, c := range t.chains {
			all, err := t.rules(c.Name)
			if err != nil {
				return nil, fmt.Errorf("list the rules of %s %s: %w", in.table, c.Name, err)
			}
			in.ns, in.chain = topology.Host, c.Name
			for _, r := range all {
				rules = append(rules, in.trace(r)...)
			}
			chains = append(chains, in.chainTrace(t.notes[c.Name])...)
		}
	}
	return append(rules, chains...), nil
}

// families are their names in nft(8).
var families = map[nftables.TableFamily]string{
	nftables.TableFamilyIPv4: "ip", nftables.TableFamilyIPv6: "ip6", nftables.TableFamilyBridge: "bridge",
}

// where is "ip nat POSTROUTING".
func (r chainRule) where() string {
	return strings.Join([]string{families[r.family], r.table, r.chain}, " ")
}

// trace is the trace that a rule is, or nothing.
func (r chainRule) trace(have *nftables.Rule) []Trace {
	mark := ruleComment(have)
	lab, object, ok := readMark(mark)
	if !ok {
		return nil
	}
	r.object, r.flows = object, flowsOf(object)
	if to := ledTo(have); r.flows == nil && to.IsValid() {
		r.flows = func(f *netlink.ConntrackFlow) bool { return !untranslated(f) && flowAddr(f.Reverse.SrcIP) == to }
	}
	return []Trace{{
		Kind: TraceRule, Name: r.where() + " " + object, Lab: lab, Mark: mark,
		remove: func() error { return r.undo(&Kernel{Lab: lab}, hadChain) },
	}}
}

// chainTrace is the trace that a chain is by its user data, or nothing.
func (r chainRule) chainTrace(note []byte) []Trace {
	mark := udataEntry(note, userdata.TypeComment)
	lab, _, ok := readMark(mark)
	if !ok {
		return nil
	}
	c := Chain{NS: r.ns, Table: r.table, IPv6: r.family == nftables.TableFamilyIPv6, Name: r.chain}
	return []Trace{{Kind: TraceChain, Name: r.where(), Lab: lab, Mark: mark, remove: func() error { return c.Undo(&Kernel{Lab: lab}) }}}
}

// Objects of marks, as natObject makes them.
var (
	fromObject = topology.Pattern(`^(?:masquerade|snat):([0-9a-f.:]+/[0-9]+)`)
	dnatObject = topology.Pattern(`^dnat(?:-local)?:(?:.*:)?([0-9]+)/(tcp|udp):(.*)$`)
)

// flowsOf are the flows that the rule of a mark speaks of; nil when the mark
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
			return DNAT{Proto: m[2], Port: uint16(port), To: netip.AddrPortFrom(to, 0)}.flows()
		}
	}
	return nil
}

// ledTo is where a rule with the target DNAT leads.
func ledTo(r *nftables.Rule) (to netip.Addr) {
	for _, e := range r.Exprs {
		if t, ok := e.(*expr.Target); ok {
			if info, ok := t.Info.(*xt.NatRange2); ok && t.Name == "DNAT" {
				to = flowAddr(info.MinIP)
			}
		}
	}
	return to
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
