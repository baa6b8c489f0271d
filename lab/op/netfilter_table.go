package op

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	mdnetlink "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"nslab/topology"
)

// What of the table was there before nslab came: the answers of Before.
const (
	hadNothing = "nothing" // nslab made the table and the chain
	hadTable   = "table"   // nslab made the chain
	hadChain   = "chain"   // both belong to somebody else
)

// nfTable is a table of iptables in the namespace that the calling thread is
// in. Every question and every flush opens and closes a socket of its own.
type nfTable struct {
	conn   *nftables.Conn
	self   *nftables.Table
	exists bool
	chains []*nftables.Chain
	notes  map[string][]byte    // user data of chains
	lists  map[string]*ruleList // the rules of chains, as far as they were read
	kernel *Kernel              // whose points it has
	whole  bool                 // with what nslab's own rules say

	generation uint32    // of the ruleset it was read from
	asked      []request // what the next flush is to do
	exact      bool      // which is right for that generation only
}

func newTable(name string, family nftables.TableFamily) (*nfTable, error) {
	conn, err := nftables.New(nftables.WithSockOptions(patient))
	return &nfTable{conn: conn, self: &nftables.Table{Name: name, Family: family}}, err
}

func openTable(name string, family nftables.TableFamily) (*nfTable, error) {
	t, err := newTable(name, family)
	if err != nil {
		return nil, err
	}
	return t, t.load()
}

// load reads the table, without its rules.
func (t *nfTable) load() error { return t.steadily(t.read) }

// patient asks for the kernel's own explanations, and waits five seconds for
// an answer: the library would wait for ever for one that does not come.
func patient(c *mdnetlink.Conn) error {
	_ = c.SetOption(mdnetlink.ExtendedAcknowledge, true) // since Linux 4.12
	return c.SetDeadline(time.Now().Add(5 * time.Second))
}

func (t *nfTable) read() error {
	tables, err := t.conn.ListTablesOfFamily(t.self.Family)
	if err != nil {
		return noTables(err)
	}
	t.exists, t.chains, t.lists = false, nil, map[string]*ruleList{}
	for _, have := range tables {
		if have.Name == t.self.Name && have.Family == t.self.Family {
			t.exists, t.self.Use = true, have.Use
		}
	}
	if !t.exists {
		return nil
	}
	chains, err := t.conn.ListChainsOfTableFamily(t.self.Family)
	for _, c := range chains {
		if c.Table.Name == t.self.Name && c.Table.Family == t.self.Family {
			t.chains = append(t.chains, c)
		}
	}
	if err != nil {
		return err
	}
	t.notes, err = chainNotes(t.self)
	return err
}

func (t *nfTable) chain(name string) *nftables.Chain {
	i := slices.IndexFunc(t.chains, func(c *nftables.Chain) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return t.chains[i]
}

func (t *nfTable) rules(chain string) ([]*nftables.Rule, error) {
	l, err := t.list(chain)
	if err != nil {
		return nil, err
	}
	return l.all, nil
}

// before says what is not of nslab's making. A rule or a chain that nslab wrote, for
// this lab or another, tells what there was when it came; was is what the fact
// itself has known.
func (t *nfTable) before(chain, was string) (string, error) {
	if !t.exists {
		return hadNothing, nil
	}
	words := map[string]bool{was: true}
	for _, c := range t.chains {
		l, err := t.list(c.Name)
		if err != nil {
			return "", err
		}
		for _, word := range append(slices.Collect(maps.Keys(l.words)), hadWord(t.notes[c.Name])) {
			words[word] = words[word] || c.Name == chain || word == hadNothing
		}
	}
	return hadWhat(words, t.chain(chain) != nil), nil
}

func hadWhat(words map[string]bool, chain bool) string {
	switch {
	case words[hadNothing]:
		return hadNothing
	case words[hadTable], !chain:
		return hadTable
	}
	return hadChain
}

// put appends a rule, or puts it ahead of another one, and removes the old
// ones, with the next flush.
func (t *nfTable) put(chain string, exprs []expr.Any, data []byte, old []*nftables.Rule, ahead *nftables.Rule) error {
	c := t.chain(chain)
	if topology.BuiltinChain(t.self.Name, chain) {
		var err error
		if c, err = t.base(chain, nil, hadData(hadWord(data))); err != nil {
			return err
		}
		if t.chain(chain) == nil { // what is put behind it finds it there
			t.exists, t.chains = true, append(t.chains, c)
		}
	} else if c == nil {
		return fmt.Errorf("table %s has no chain %s to put a rule in: %w", t.self.Name, chain, unix.ENOENT)
	}
	t.delRules(old)
	return t.addRule(chain, exprs, data, ahead)
}
