package op

import (
	"math/bits"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// remove deletes rules of a chain with the next flush, and in the same
// transaction the chain and the table when nslab made them and nobody else has
// put anything there. It says whether there is anything to flush.
func (t *nfTable) remove(chain string, old []*nftables.Rule, had string) (some bool, err error) {
	idle, err := t.idle(chain, old)
	if err != nil {
		return false, err
	}
	all := len(idle) == len(t.chains) && t.holdsOnlyChains()
	switch {
	case t.exists && had == hadNothing && all:
		t.drop("")
	case (had == hadNothing || had == hadTable) && slices.Contains(idle, t.chain(chain)):
		t.drop(chain)
	default:
		t.delRules(old)
	}
	return len(t.asked) > 0, nil
}

// removeChain deletes a chain and the rules in it, in one transaction with the
// table when nslab made that and nobody else has put anything there.
func (t *nfTable) removeChain(name, had string) error {
	idle, err := t.idle(name, nil)
	if err != nil {
		return err
	}
	if had == hadNothing && len(idle) == len(t.chains)-1 && t.holdsOnlyChains() {
		name = ""
	}
	t.drop(name)
	return t.flush()
}

// drop deletes a chain with all its rules, or all of the table when chain is
// "", with the next flush, and only if nobody has touched any rule since the
// table was read.
func (t *nfTable) drop(chain string) {
	t.exact = true
	if chain == "" {
		t.ask(unix.NFT_MSG_DELTABLE, 0, t.about())
		return
	}
	t.ask(unix.NFT_MSG_DELRULE, 0, t.about().text(unix.NFTA_RULE_CHAIN, chain))
	t.ask(unix.NFT_MSG_DELCHAIN, 0, t.about().text(unix.NFTA_CHAIN_NAME, chain))
}

// holdsOnlyChains says that there is no set, map or object in the table. The
// count comes in network byte order, which the library does not turn.
func (t *nfTable) holdsOnlyChains() bool {
	n := uint32(len(t.chains))
	return t.self.Use == n || bits.ReverseBytes32(t.self.Use) == n
}

// idle are the chains of iptables in which no rule is left when the old ones
// of one chain go. A student who added a rule and deleted it again leaves one.
func (t *nfTable) idle(chain string, old []*nftables.Rule) ([]*nftables.Chain, error) {
	var out []*nftables.Chain
	for _, c := range t.chains {
		rules, err := t.rules(c.Name)
		if err != nil {
			return nil, err
		}
		left := len(rules)
		if c.Name == chain {
			left -= len(old)
		}
		if left == 0 && t.builtin(c) {
			out = append(out, c)
		}
	}
	return out, nil
}
