package op

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

// Chain is a chain of a person's own in a table of iptables, such as Docker's
// DOCKER: iptables(8), -N.
type Chain struct {
	NS    string
	Table string // filter or nat
	IPv6  bool
	Name  string
}

func (c Chain) family() nftables.TableFamily {
	if c.IPv6 {
		return nftables.TableFamilyIPv6
	}
	return nftables.TableFamilyIPv4
}

func (c Chain) mark(k *Kernel) string { return k.Mark("chain:" + c.Name) }

func (c Chain) table(k *Kernel) (*nfTable, error) {
	return chainRule{ns: c.NS, table: c.Table, family: c.family()}.look(k, false)
}

// Before says how much of the table was there already.
func (c Chain) Before(k *Kernel) (string, error) {
	t, err := c.table(k)
	if err != nil {
		return "", err
	}
	return t.before("", k.was(c))
}

// Do makes the chain, with the table where that is missing.
func (c Chain) Do(k *Kernel) error {
	t, err := c.table(k)
	if err != nil {
		return err
	}
	word, err := t.before("", k.was(c))
	if err != nil {
		return err
	}
	return k.Inside(c.NS, func() error { return t.addMarked(c.Name, userData(c.mark(k), word)) })
}

// Undo removes the chain with whatever rules are in it, and the table when the
// lab made that.
func (c Chain) Undo(k *Kernel) error {
	return gone(again(k, func() error {
		t, err := c.table(k)
		if err != nil {
			return err
		}
		ours, err := c.ours(k, t)
		if err != nil || !ours {
			return err
		}
		return k.Inside(c.NS, func() error {
			return c.explain(t.removeChain(c.Name, cmp.Or(hadWord(t.notes[c.Name]), k.was(c))))
		})
	}))
}

// explain says who keeps a chain from going.
func (c Chain) explain(err error) error {
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	return fmt.Errorf("a rule that this lab did not make leads to the chain %s (`%s` shows it): %w",
		c.Name, iptables(c.NS, c.family(), c.Table, "-S"), err)
}

// ours says whether the chain is there and carries the mark, or a rule of the
// lab: iptables-restore makes the chains anew, without their marks.
func (c Chain) ours(k *Kernel, t *nfTable) (bool, error) {
	if udataEntry(t.notes[c.Name], userdata.TypeComment) == c.mark(k) {
		return true, nil
	}
	rules, err := t.rules(c.Name)
	return slices.ContainsFunc(rules, func(r *nftables.Rule) bool {
		lab, _, marked := readMark(ruleComment(r))
		return marked && lab == k.Lab
	}), err
}

// Diff looks for the chain and its mark.
func (c Chain) Diff(k *Kernel) (string, error) {
	t, err := c.table(k)
	if err != nil {
		return missing("namespace "+c.NS, err)
	}
	ours, err := c.ours(k, t)
	switch {
	case err != nil:
		return "", err
	case t.chain(c.Name) == nil:
		return fmt.Sprintf("table %s has no chain %s %s", c.Table, c.Name, place(c.NS)), nil
	case !ours:
		return fmt.Sprintf("table %s has a chain %s %s, but %s", c.Table, c.Name, place(c.NS), Foreign), nil
	}
	return "", nil
}

// Command is iptables -N.
func (c Chain) Command() Command { return iptables(c.NS, c.family(), c.Table, "-N", c.Name) }

// Inverse is iptables -X.
func (c Chain) Inverse() Command { return iptables(c.NS, c.family(), c.Table, "-X", c.Name) }

func (c Chain) String() string {
	return fmt.Sprintf("chain %s of table %s %s", c.Name, c.Table, place(c.NS))
}

// On is the namespace.
func (c Chain) On() []Object { return []Object{NetNS(c.NS)} }
