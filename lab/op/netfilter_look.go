package op

import (
	"github.com/google/nftables"
)

// tableAt is where a table of iptables is.
type tableAt struct {
	ns, table string
	family    nftables.TableFamily
}

func (r chainRule) key() tableAt { return tableAt{r.ns, r.table, r.family} }

// look reads the rule's table with all that is in it, once in a session until
// something is done.
func (r chainRule) look(k *Kernel) (t *nfTable, err error) {
	if k.session != nil && k.session.tables[r.key()] != nil {
		return k.session.tables[r.key()], nil
	}
	err = k.enter(r.ns, func() error {
		if t, err = newTable(r.table, r.family); err != nil {
			return err
		}
		t.kernel = k
		return t.steadily(t.readAll)
	})
	if err == nil && k.session != nil {
		k.session.tables[r.key()] = t
	}
	return t, err
}

// readAll reads the table with its rules.
func (t *nfTable) readAll() error {
	if err := t.read(); err != nil {
		return err
	}
	for _, c := range t.chains {
		if _, err := t.list(c.Name); err != nil {
			return err
		}
	}
	return nil
}

// ruleList is what a chain holds.
type ruleList struct {
	all     []*nftables.Rule
	marked  map[string][]*nftables.Rule // by their comments
	words   map[string]bool             // what nslab's rules say was there before
	foreign []int                       // places of rules that no nslab made
}

// list reads the rules of a chain, once.
func (t *nfTable) list(chain string) (*ruleList, error) {
	if l := t.lists[chain]; l != nil {
		return l, nil
	}
	l := &ruleList{marked: map[string][]*nftables.Rule{}, words: map[string]bool{}}
	if c := t.chain(chain); c != nil {
		all, err := t.conn.GetRules(t.self, c)
		if err != nil {
			return nil, err
		}
		l.all = all
	}
	for i, r := range l.all {
		mark := ruleComment(r)
		l.marked[mark] = append(l.marked[mark], r)
		l.words[hadWord(r.UserData)] = true
		if _, _, nslabs := readMark(mark); !nslabs {
			l.foreign = append(l.foreign, i)
		}
	}
	t.lists[chain] = l
	return l, nil
}
