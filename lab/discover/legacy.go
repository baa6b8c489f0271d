package discover

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"nslab/lab/op"
)

// Offsets of include/uapi/linux/netfilter_ipv4/ip_tables.h.
const (
	infoHooks     = 36 // ipt_getinfo.hook_entry
	infoUnderflow = 56 // ipt_getinfo.underflow: where the policies stand

	entryTarget = 88 // ipt_entry.target_offset
	entryNext   = 90 // ipt_entry.next_offset
	entrySize   = 112

	moduleName     = 2  // xt_entry_match.user.name, and of a target
	moduleRevision = 31 // .revision
	moduleSize     = 32 // what follows is its own
)

// legacyHooks are the chains that the kernel calls, by enum nf_inet_hooks.
var legacyHooks = []string{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}

// readLegacy reads the tables of the old iptables.
func (n *Namespace) readLegacy() {
	for _, table := range []string{"filter", "nat"} {
		t, err := op.ReadLegacy(table)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		chains := legacyChains("ip "+table, t)
		if err != nil || chains == nil {
			n.Unseen = append(n.Unseen, "the rules of the old iptables: iptables-legacy-save -t "+table+" shows them")
			continue
		}
		for _, c := range chains {
			n.noteChain(c)
			if table == "filter" && c.Policy != "" && (c.Policy == "DROP" || len(c.Rules) > 0) {
				n.noteHook(hookOf(c.Name))
			}
		}
	}
}

// legacyTable is a table on its way to chains.
type legacyTable struct {
	op.Legacy
	name   string
	starts map[int]string // where chains have their first rules
	ends   map[int]string // where those that the kernel calls have their policies
}

// legacyChains takes the entries of a table apart; nil means that they are not
// what they are expected to be.
func legacyChains(name string, from op.Legacy) []Chain {
	if len(from.Info) < infoUnderflow+4*len(legacyHooks) {
		return nil
	}
	t := legacyTable{Legacy: from, name: name, starts: map[int]string{}, ends: map[int]string{}}
	valid := binary.NativeEndian.Uint32(from.Info[infoHooks-4:])
	for i, hook := range legacyHooks {
		if valid&(1<<i) != 0 {
			t.starts[int(binary.NativeEndian.Uint32(from.Info[infoHooks+4*i:]))] = hook
			t.ends[int(binary.NativeEndian.Uint32(from.Info[infoUnderflow+4*i:]))] = hook
		}
	}
	var entries []legacyEntry
	for at := 0; at < len(from.Entries); {
		e, ok := t.entry(at)
		if !ok {
			return nil
		}
		if chain := e.head(); chain != "" {
			t.starts[at+e.size] = chain
		}
		entries = append(entries, e)
		at += e.size
	}
	return t.chains(entries)
}

// chains collects the rules. The last one of a chain of a person's own is the
// return that iptables adds.
func (t *legacyTable) chains(entries []legacyEntry) []Chain {
	var out []Chain
	for _, e := range entries {
		if start, ok := t.starts[e.at]; ok {
			out = append(out, Chain{Table: t.name, Name: start, Legacy: true})
		}
		if e.head() != "" || len(out) == 0 {
			continue
		}
		c := &out[len(out)-1]
		r := e.rule(t, c.Name)
		if t.ends[e.at] == c.Name {
			c.Policy = r.Target
			continue
		}
		c.Rules = append(c.Rules, r)
	}
	for i, c := range out {
		if n := len(c.Rules); c.Policy == "" && n > 0 {
			out[i].Rules = c.Rules[:n-1]
		}
	}
	return out
}

// legacyEntry is a struct ipt_entry.
type legacyEntry struct {
	at, size int
	data     []byte
	target   []byte
}

func (t *legacyTable) entry(at int) (e legacyEntry, ok bool) {
	rest := t.Entries[at:]
	if len(rest) < entrySize {
		return e, false
	}
	size, target := int(binary.NativeEndian.Uint16(rest[entryNext:])), int(binary.NativeEndian.Uint16(rest[entryTarget:]))
	if size > len(rest) || target < entrySize || target+moduleSize+4 > size {
		return e, false
	}
	return legacyEntry{at, size, rest[:target], rest[target:size]}, true
}

// head is the name of the chain that begins behind the entry, "" for a rule. The
// end of the table is one as well.
func (e legacyEntry) head() string {
	if word(e.target[moduleName:moduleRevision]) != "ERROR" {
		return ""
	}
	return word(e.target[moduleSize:])
}

// word is a text that ends with a zero.
func word(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}

const family4 = unix.NFPROTO_IPV4
