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
// something is done. What nslab's own rules say takes long, and only whoever wants
// the whole is told.
func (r chainRule) look(k *Kernel, whole bool) (t *nfTable, err error) {
	if k.session != nil {
		if t = k.session.tables[r.key()]; t != nil && (t.whole || !whole) {
			return t, nil
		}
	}
	err = k.enter(r.ns, func() error {
		if t, err = newTable(r.table, r.family); err != nil {
			return err
		}
		t.kernel, t.whole = k, whole
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
