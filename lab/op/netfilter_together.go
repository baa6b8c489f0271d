package op

import (
	"errors"
	"slices"

	"github.com/google/nftables"
)

// newRule is a rule that is to be added, and what was there before it.
type newRule struct {
	chainRule
	had string
}

// transaction bounds how many rules are added at once: one is less than 1000
// bytes, and all of them must fit into the send buffer of any user, 208 KiB.
const transaction = 200

// deletions bounds how many rules are deleted at once: one takes less than 200
// bytes. They should be few: once something was deleted the kernel waits for a
// grace period of some 10 ms when a socket to it is closed (nft_rcv_nl_event in
// net/netfilter/nf_tables_api.c).
const deletions = 1000

// addRules adds rules of one table, as many at once as go into a transaction,
// which adds all of them or none, and says how many it has added.
func addRules(k *Kernel, rs []newRule) (added int, err error) {
	t, err := rs[0].look(k, false)
	if err != nil {
		return 0, err
	}
	err = k.Inside(rs[0].ns, func() error {
		defer func() {
			forgetFlows(slices.DeleteFunc(slices.Clone(rs[:added]), func(r newRule) bool { return r.early }))
		}()
		for some := range slices.Chunk(rs, transaction) {
			for _, r := range some {
				if err := r.put(k, t); err != nil {
					return err
				}
			}
			if err := t.flush(); err != nil {
				return some[0].explain(err)
			}
			added += len(some)
		}
		return nil
	})
	return added, err
}

func (r newRule) put(k *Kernel, t *nfTable) error {
	l, err := t.list(r.chain)
	if err != nil {
		return err
	}
	var ahead *nftables.Rule
	if i := r.shadowed(l); i >= 0 && r.table == tableNAT { // a filter is never overtaken: somebody meant it
		ahead = l.all[i]
	}
	return t.put(r.chain, r.exprs(), userData(r.mark(k), r.had), l.marked[r.mark(k)], ahead)
}

// ruled is a fact that is a rule of iptables.
type ruled interface {
	Op
	rule() chainRule
}

// byTable puts the rules of a table together, which keep their order.
func byTable(rules []numbered) [][]numbered {
	return grouped(rules, func(f numbered) tableAt { return f.Op.(ruled).rule().key() })
}

// addAll adds the rules of a group, and says which of them are not there.
func (k *Kernel) addAll(group []numbered, by Hands) (refused []bool) {
	refused = make([]bool, len(group))
	added, _ := k.addGroup(group, by) // who adds the others alone is told why they are refused
	for i := added; i < len(group); i++ {
		refused[i] = true
	}
	return refused
}

func (k *Kernel) addGroup(group []numbered, by Hands) (added int, err error) {
	var rs []newRule
	var facts []Op
	var words []string
	for _, f := range group {
		r := f.Op.(ruled).rule()
		had, err := r.before(k, k.was(f.Op))
		if err != nil {
			return 0, err
		}
		rs, facts, words = append(rs, newRule{r, had}), append(facts, f.Op), append(words, had)
	}
	if err := by.Remember(facts, words); err != nil {
		return 0, err
	}
	return addRules(k, rs)
}

// sweepRules removes the rules that are to go from namespaces that stay, those of
// a chain at once.
func sweepRules(k *Kernel, going []Op) error {
	rooms := map[string]bool{}
	for _, o := range going {
		if n, ok := o.(Namespace); ok {
			rooms[n.Name] = true
		}
	}
	chains := map[chainAt][]newRule{}
	for _, o := range going {
		f, ok := o.(ruled)
		if !ok {
			continue
		}
		if r := f.rule(); !rooms[r.ns] {
			at := chainAt{r.key(), r.chain}
			chains[at] = append(chains[at], newRule{r, k.was(o)})
		}
	}
	var errs []error
	for _, rs := range chains {
		for some := range slices.Chunk(rs, deletions) {
			errs = append(errs, undoRules(k, some))
		}
	}
	return errors.Join(errs...)
}

// chainAt is where a chain is.
type chainAt struct {
	tableAt
	chain string
}
