package op

import (
	"encoding/binary"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// ruleList is what a chain holds.
type ruleList struct {
	all     []*nftables.Rule
	marked  map[string][]*nftables.Rule // by their comments
	words   map[string]bool             // what nslab's rules say was there before
	foreign []int                       // places of rules that no nslab made
}

func listed(all []*nftables.Rule) *ruleList {
	l := &ruleList{all: all, marked: map[string][]*nftables.Rule{}, words: map[string]bool{}}
	for i, r := range all {
		mark := ruleComment(r)
		l.marked[mark] = append(l.marked[mark], r)
		l.words[hadWord(r.UserData)] = true
		if _, _, nslabs := readMark(mark); !nslabs {
			l.foreign = append(l.foreign, i)
		}
	}
	return l
}

// list reads the rules of a chain, once. Whose they are is enough where all are
// nslab's, unless the whole is wanted.
func (t *nfTable) list(chain string) (*ruleList, error) {
	if l := t.lists[chain]; l != nil {
		return l, nil
	}
	l := listed(nil)
	if c := t.chain(chain); c != nil {
		all, err := t.outlines(c)
		if l = listed(all); err == nil && (t.whole || len(l.foreign) > 0) {
			all, err = t.conn.GetRules(t.self, c)
			l = listed(all)
		}
		if err != nil {
			return nil, err
		}
	}
	t.lists[chain] = l
	return l, nil
}

// outlines are the rules of a chain without their expressions: which they are,
// and their user data. To take a thousand expressions apart takes longer than
// to get them from the kernel.
func (t *nfTable) outlines(c *nftables.Chain) (all []*nftables.Rule, err error) {
	s, err := dial(unix.NETLINK_NETFILTER, t.kernel.scratch())
	if err != nil {
		return nil, err
	}
	defer s.close()
	err = s.read(table{
		kind:  unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETRULE,
		body:  t.about().text(unix.NFTA_RULE_CHAIN, c.Name),
		begin: func() { all = nil },
		each:  func(b []byte) { all = append(all, outline(c, b[min(nfHeader, len(b)):])) },
	})
	return all, err
}

func outline(c *nftables.Chain, b []byte) *nftables.Rule {
	r := &nftables.Rule{Table: c.Table, Chain: c}
	for kind, value := range attributes(b) {
		switch {
		case kind == unix.NFTA_RULE_HANDLE && len(value) == 8:
			r.Handle = binary.BigEndian.Uint64(value)
		case kind == unix.NFTA_RULE_USERDATA:
			r.UserData = slices.Clone(value)
		}
	}
	return r
}
