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

func (c Chain) inside(k *Kernel, f func(*nfTable) error) error {
	return chainRule{ns: c.NS, table: c.Table, family: c.family()}.inside(k, f)
}

// Before says how much of the table was there already.
func (c Chain) Before(k *Kernel) (word string, err error) {
	err = c.inside(k, func(t *nfTable) error {
		word, err = t.before("", k.was(c))
		return err
	})
	return word, err
}

// Do makes the chain, with the table where that is missing.
func (c Chain) Do(k *Kernel) error {
	return c.inside(k, func(t *nfTable) error {
		word, err := t.before("", k.was(c))
		if err != nil {
			return err
		}
		return t.addMarked(c.Name, userData(c.mark(k), word))
	})
}

// Undo removes the chain with whatever rules are in it, and the table when the
// lab made that.
func (c Chain) Undo(k *Kernel) (err error) {
	for range 3 { // what it saw may be gone before its transaction comes
		err = c.inside(k, func(t *nfTable) error {
			ours, err := c.ours(k, t)
			if err != nil || !ours {
				return err
			}
			return c.explain(t.removeChain(c.Name, cmp.Or(hadWord(t.notes[c.Name]), k.was(c))))
		})
		if !absent(err) {
			return err
		}
	}
	return gone(err)
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
func (c Chain) Diff(k *Kernel) (diff string, err error) {
	err = c.inside(k, func(t *nfTable) error {
		ours, err := c.ours(k, t)
		switch {
		case err != nil:
		case t.chain(c.Name) == nil:
			diff = fmt.Sprintf("table %s has no chain %s %s", c.Table, c.Name, place(c.NS))
		case !ours:
			diff = fmt.Sprintf("table %s has a chain %s %s, but %s", c.Table, c.Name, place(c.NS), Foreign)
		}
		return err
	})
	if err != nil {
		return missing("namespace "+c.NS, err)
	}
	return diff, nil
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
