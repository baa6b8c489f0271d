package op

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/google/nftables"
)

// Policy is what becomes of a packet that no rule of a chain of iptables takes:
// iptables(8), -P.
type Policy struct {
	NS     string
	IPv6   bool
	Chain  string // INPUT, FORWARD or OUTPUT of table filter
	Target string // ACCEPT or DROP
}

var policies = map[string]nftables.ChainPolicy{
	"ACCEPT": nftables.ChainPolicyAccept,
	"DROP":   nftables.ChainPolicyDrop,
}

func (p Policy) family() nftables.TableFamily { return Chain{IPv6: p.IPv6}.family() }

func (p Policy) inside(k *Kernel, f func(*nfTable) error) error {
	return again(k, func() error { return chainRule{ns: p.NS, table: tableFilter, family: p.family()}.inside(k, f) })
}

// now is the policy of the chain: one that is not there lets everything pass.
func (p Policy) now(t *nfTable) string {
	if c := t.chain(p.Chain); c != nil && c.Policy != nil && *c.Policy == nftables.ChainPolicyDrop {
		return "DROP"
	}
	return "ACCEPT"
}

// Before says how much of the table was there already, and the policy then.
func (p Policy) Before(k *Kernel) (word string, err error) {
	err = p.inside(k, func(t *nfTable) error {
		had, was := splitWas(k.was(p))
		if was == "" {
			was = p.before(t)
		}
		had, err = t.before(p.Chain, had)
		word = had + " " + was
		return err
	})
	return word, err
}

// before is the policy as it was before any lab: a chain that nslab has made was
// not there, and whoever has set its policy since takes that back.
func (p Policy) before(t *nfTable) string {
	if hadWord(t.notes[p.Chain]) != "" {
		return "ACCEPT"
	}
	return p.now(t)
}

func splitWas(word string) (had, policy string) {
	had, policy, _ = strings.Cut(word, " ")
	return had, policy
}

// Do sets the policy, with the chain and the table where they are missing.
func (p Policy) Do(k *Kernel) error {
	return p.inside(k, func(t *nfTable) error {
		had, _ := splitWas(k.was(p))
		had, err := t.before(p.Chain, had)
		if err != nil {
			return err
		}
		return t.setPolicy(p.Chain, p.Target, had)
	})
}

// Undo puts the older policy back, unless somebody else has set one since, and
// removes the chain and the table when the lab made them.
func (p Policy) Undo(k *Kernel) error {
	had, was := splitWas(k.was(p))
	if had == "" {
		return nil
	}
	return gone(p.inside(k, func(t *nfTable) error {
		had = cmp.Or(hadWord(t.notes[p.Chain]), had) // the table may have gone, and come again, since Before
		if p.now(t) == p.Target && t.chain(p.Chain) != nil {
			if err := t.setPolicy(p.Chain, was, had); err != nil {
				return err
			}
		}
		if _, err := t.remove(p.Chain, nil, had); err != nil {
			return err
		}
		return t.flush()
	}))
}

// Diff compares the policy.
func (p Policy) Diff(k *Kernel) (diff string, err error) {
	err = p.inside(k, func(t *nfTable) error {
		if now := p.now(t); now != p.Target {
			diff = fmt.Sprintf("the policy of chain %s %s is %s, not %s", p.Chain, place(p.NS), now, p.Target)
		}
		return nil
	})
	if err != nil {
		return missing("namespace "+p.NS, err)
	}
	return diff, nil
}

// Command is iptables -P.
func (p Policy) Command() Command {
	return iptables(p.NS, p.family(), tableFilter, "-P", p.Chain, p.Target)
}

// Inverse is iptables -P with the other policy: a fresh machine accepts.
func (p Policy) Inverse() Command {
	return iptables(p.NS, p.family(), tableFilter, "-P", p.Chain, "ACCEPT")
}

func (p Policy) String() string {
	return fmt.Sprintf("the policy of chain %s %s is %s", p.Chain, place(p.NS), p.Target)
}

// On is the namespace.
func (p Policy) On() []Object { return []Object{NetNS(p.NS)} }
