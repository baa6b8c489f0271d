package op

import (
	"math/bits"
	"slices"

	"github.com/google/nftables"
	mdnetlink "github.com/mdlayher/netlink"
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
		return true, t.drop("")
	case (had == hadNothing || had == hadTable) && slices.Contains(idle, t.chain(chain)):
		return true, t.drop(chain)
	}
	t.delRules(old)
	return len(old) > 0, nil
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
	if err := t.drop(name); err != nil {
		return err
	}
	return t.flush()
}

// drop deletes a chain with all its rules, or all of the table when chain is
// "", with the next flush, and only if nobody has touched any rule since the
// table was read.
func (t *nfTable) drop(chain string) error {
	table := mdnetlink.Attribute{Type: unix.NFTA_TABLE_NAME, Data: zero(t.self.Name)} // NFTA_RULE_TABLE and NFTA_CHAIN_TABLE are the same
	if chain == "" {
		return t.delete(unix.NFT_MSG_DELTABLE, table)
	}
	if err := t.delete(unix.NFT_MSG_DELRULE, table, mdnetlink.Attribute{Type: unix.NFTA_RULE_CHAIN, Data: zero(chain)}); err != nil {
		return err
	}
	return t.delete(unix.NFT_MSG_DELCHAIN, table, mdnetlink.Attribute{Type: unix.NFTA_CHAIN_NAME, Data: zero(chain)})
}

func (t *nfTable) delete(kind uint16, what ...mdnetlink.Attribute) error {
	attrs, err := mdnetlink.MarshalAttributes(what)
	if err == nil {
		t.last = append(t.last, nfMessage(t.self, kind, 0, attrs))
	}
	return err
}

func (t *nfTable) delRules(old []*nftables.Rule) {
	for _, r := range old {
		_ = t.conn.DelRule(r) // fails only for a rule without a handle; these were listed
	}
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
