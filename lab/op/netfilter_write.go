package op

import (
	"encoding/binary"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// What changes a table is written here and not by the library, which has the
// kernel answer to every rule, and repeat it: the answers to all must fit into
// the socket, and reading them takes longer than making the rules.

// ask has a request wait for the next flush: linux/netfilter/nf_tables.h.
func (t *nfTable) ask(kind, flags uint16, body message) {
	t.asked = append(t.asked, request{kind: unix.NFNL_SUBSYS_NFTABLES<<8 | kind, flags: flags, body: body})
}

// about begins a message about the table: struct nfgenmsg and the table's
// name. The attribute is NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE,
// which are all the same.
func (t *nfTable) about() message {
	return message{byte(t.self.Family), unix.NFNETLINK_V0, 0, 0}.text(unix.NFTA_TABLE_NAME, t.self.Name)
}

func (t *nfTable) addTable() { t.ask(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE, t.about()) }

// addBase makes one of the chains of iptables, with user data, or gives it
// another policy: the kernel keeps the data that a chain has.
func (t *nfTable) addBase(c *nftables.Chain, data []byte) {
	hook := message{}.big(unix.NFTA_HOOK_HOOKNUM, uint32(*c.Hooknum)).big(unix.NFTA_HOOK_PRIORITY, uint32(*c.Priority))
	m := t.about().text(unix.NFTA_CHAIN_NAME, c.Name).
		nest(unix.NLA_F_NESTED|unix.NFTA_CHAIN_HOOK, hook).
		big(unix.NFTA_CHAIN_POLICY, uint32(*c.Policy)).
		text(unix.NFTA_CHAIN_TYPE, string(c.Type))
	if data != nil {
		m = m.bytes(chainUserData, data)
	}
	t.ask(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, m)
}

func (t *nfTable) delRules(old []*nftables.Rule) {
	for _, r := range old {
		handle := binary.BigEndian.AppendUint64(nil, r.Handle)
		t.ask(unix.NFT_MSG_DELRULE, 0, t.about().text(unix.NFTA_RULE_CHAIN, r.Chain.Name).bytes(unix.NFTA_RULE_HANDLE, handle))
	}
}

// addRule appends a rule to a chain, or puts it ahead of another one.
func (t *nfTable) addRule(chain string, exprs []expr.Any, data []byte, ahead *nftables.Rule) error {
	list := message{}
	for _, e := range exprs {
		b, err := expr.Marshal(byte(t.self.Family), e)
		if err != nil {
			return err
		}
		list = list.nest(unix.NLA_F_NESTED|unix.NFTA_LIST_ELEM, b)
	}
	m := t.about().text(unix.NFTA_RULE_CHAIN, chain).
		nest(unix.NLA_F_NESTED|unix.NFTA_RULE_EXPRESSIONS, list).
		bytes(unix.NFTA_RULE_USERDATA, data)
	if ahead != nil {
		at := binary.BigEndian.AppendUint64(nil, ahead.Handle)
		t.ask(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE, m.bytes(unix.NFTA_RULE_POSITION, at))
		return nil
	}
	t.ask(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, m)
	return nil
}

// flush sends what was asked as one transaction.
func (t *nfTable) flush() error {
	asked, when := t.asked, uint32(0)
	if t.exact {
		when = t.generation
	}
	t.asked, t.exact = nil, false
	return t.kernel.Around("flush", t.self.Name, func() error { return transact(t.kernel.scratch(), asked, when) })
}

// transact sends requests to nf_tables as one batch: the kernel does all of
// them, or none, and the first refusal says why. It does none when the
// generation is not 0 and has passed.
func transact(buf []byte, asked []request, generation uint32) error {
	if len(asked) == 0 {
		return nil
	}
	s, err := dial(unix.NETLINK_NETFILTER, buf)
	if err != nil {
		return err
	}
	defer s.close()
	mark := message{unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, unix.NFNL_SUBSYS_NFTABLES}
	end := request{kind: unix.NFNL_MSG_BATCH_END, body: mark}
	begin := request{kind: unix.NFNL_MSG_BATCH_BEGIN, body: slices.Clone(mark).big(unix.NFNL_BATCH_GENID, generation)}
	batch := slices.Concat([]request{begin}, asked, []request{end})
	if err := s.post(batch, nil, len(asked)); err != nil {
		return err
	}
	// A word about the beginning is about the batch as a whole, and the last.
	errs, err := s.answers(len(batch), func(seq int) bool { return seq == 0 || seq == len(asked) })
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}
