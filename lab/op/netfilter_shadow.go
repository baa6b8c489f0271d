package op

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// shadow finds the foreign rule that stands ahead of ours and takes its
// packets, such as `iptables -t nat -I POSTROUTING -j RETURN` makes.
func (r chainRule) shadow(l *ruleList, ours *nftables.Rule) string {
	i := r.shadowed(l)
	if i < 0 || i > slices.Index(l.all, ours) {
		return ""
	}
	diff := fmt.Sprintf("the lab's rule %q is never reached %s: rule %d of %s (%s) stands ahead of it and takes its packets",
		r.line(), place(r.ns), i+1, r.chain, verdict(l.all[i]))
	if r.table == tableFilter {
		diff += "; " + Foreign
	}
	return diff
}

// shadowed is the place of the first rule that takes the packets of ours, -1
// when there is none.
func (r chainRule) shadowed(l *ruleList) int {
	for _, i := range l.foreign {
		if r.shadows(l.all[i]) {
			return i
		}
	}
	return -1
}

// shadows says whether a rule, not one of nslab's, takes every packet that ours
// is about: it ends the chain and asks no more of a packet than ours does, be
// it nothing. A wider prefix is not seen through.
func (r chainRule) shadows(other *nftables.Rule) bool {
	if _, _, nslabs := readMark(ruleComment(other)); nslabs || verdict(other) == "" || r.same(other) {
		return false
	}
	mine, err := r.tests(r.says.match())
	if err != nil {
		return false
	}
	theirs, err := r.tests(other.Exprs)
	return err == nil && !slices.ContainsFunc(theirs, func(test []byte) bool {
		return !slices.ContainsFunc(mine, func(m []byte) bool { return bytes.Equal(m, test) })
	})
}

// tests are what a rule asks of a packet, one by one: a comparison and what
// leads to it, or a match of nft_compat.
func (r chainRule) tests(exprs []expr.Any) ([][]byte, error) {
	var out [][]byte
	var test []byte
	for _, e := range exprs {
		if !asks(e) {
			continue
		}
		b, err := expr.Marshal(byte(r.family), e)
		if err != nil {
			return nil, err
		}
		test = append(test, b...)
		switch e.(type) {
		case *expr.Cmp, *expr.Match:
			out, test = append(out, test), nil
		}
	}
	if len(test) > 0 {
		out = append(out, test)
	}
	return out, nil
}

// asks says whether an expression looks at the packet.
func asks(e expr.Any) bool {
	switch x := e.(type) {
	case *expr.Counter, *expr.Verdict, *expr.Target:
		return false
	case *expr.Match:
		return x.Name != "comment"
	}
	return true
}

// chainEnds are the verdicts after which the chain is over.
var chainEnds = map[expr.VerdictKind]string{
	expr.VerdictAccept: "ACCEPT", expr.VerdictDrop: "DROP", expr.VerdictReturn: "RETURN",
}

// lastTargets are those that end the chain, as all of table nat do.
var lastTargets = []string{"MASQUERADE", "SNAT", "DNAT", "REDIRECT", "NETMAP", "REJECT"}

// verdict names how a rule ends the way of a packet through its chain, "" when
// the packet goes on: to the next rule, or through another chain.
func verdict(rule *nftables.Rule) string {
	for _, e := range rule.Exprs {
		switch x := e.(type) {
		case *expr.Target:
			if slices.Contains(lastTargets, x.Name) {
				return x.Name
			}
		case *expr.Verdict:
			return chainEnds[x.Kind]
		}
	}
	return ""
}
