package op

import (
	"fmt"

	"github.com/google/nftables"

	"nslab/topology"
)

// base makes the chain of iptables where it is missing, with user data, and gives
// it a policy unless that is nil.
func (t *nfTable) base(name string, policy *nftables.ChainPolicy, data []byte) (*nftables.Chain, error) {
	c, want := t.chain(name), baseChain(t.self, name)
	switch {
	case c == nil && !t.exists:
		t.addTable()
	case c == nil:
	case c.Type != want.Type || c.Hooknum == nil || *c.Hooknum != *want.Hooknum:
		return nil, fmt.Errorf("table %s has a chain %s that is not the one of iptables, so no packet would see a rule in it: rename it", t.self.Name, name)
	case policy == nil:
		return c, nil
	}
	if policy != nil {
		want.Policy = policy
	}
	t.addBase(want, data)
	return want, nil
}

// hooks are where the chains of iptables stand in the way of a packet.
var hooks = map[string]*nftables.ChainHook{
	"PREROUTING":  nftables.ChainHookPrerouting,
	"INPUT":       nftables.ChainHookInput,
	"FORWARD":     nftables.ChainHookForward,
	"OUTPUT":      nftables.ChainHookOutput,
	"POSTROUTING": nftables.ChainHookPostrouting,
}

// bridgeNATDest is NF_BR_PRI_NAT_DST_BRIDGED of linux/netfilter_bridge.h.
var bridgeNATDest = nftables.ChainPriorityRef(-300)

// baseChain is the chain as iptables makes it, with its hook and priority.
func baseChain(t *nftables.Table, name string) *nftables.Chain {
	accept := nftables.ChainPolicyAccept
	c := &nftables.Chain{Name: name, Table: t, Type: nftables.ChainTypeFilter, Policy: &accept, Hooknum: hooks[name]}
	switch {
	case t.Family == nftables.TableFamilyBridge:
		c.Priority = bridgeNATDest
	case t.Name == tableFilter:
		c.Priority = nftables.ChainPriorityFilter
	case name == "PREROUTING" || name == "OUTPUT":
		c.Type, c.Priority = nftables.ChainTypeNAT, nftables.ChainPriorityNATDest
	default:
		c.Type, c.Priority = nftables.ChainTypeNAT, nftables.ChainPriorityNATSource
	}
	return c
}

// setPolicy sets the policy of a chain of iptables and looks again: only if nobody
// has touched any rule since the table was read, or a chain that has just gone
// would be made again. A chain that it makes says what was there before: rules
// that come later have to know.
func (t *nfTable) setPolicy(chain, target, had string) error {
	policy := policies[target]
	if _, err := t.base(chain, &policy, hadData(had)); err != nil {
		return err
	}
	t.exact = true
	if err := t.flush(); err != nil {
		return err
	}
	return t.load()
}

// builtin says whether a chain is one that iptables makes by itself, and lets
// everything pass.
func (t *nfTable) builtin(c *nftables.Chain) bool {
	accepts := c.Policy != nil && *c.Policy == nftables.ChainPolicyAccept
	return accepts && topology.BuiltinChain(t.self.Name, c.Name)
}
