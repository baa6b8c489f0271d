package op

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// chainRule is what the facts of filtering and of address translation have in
// common: one rule in a table of iptables (`ip nat`, `ip6 filter` ...), in the
// very form in which iptables-nft writes it, so that iptables and nft both show
// what the lecture typed.
type chainRule struct {
	ns     string
	family nftables.TableFamily
	table  string
	chain  string
	says   wording
	object string // what the lab's mark says of it
	flows  func(*netlink.ConntrackFlow) bool
	early  bool // before any of these flows
}

// The tables that nslab writes.
const (
	tableFilter = "filter"
	tableNAT    = "nat"
)

// ErrNoBridgeRules says that the kernel has no rules for what bridges forward.
var ErrNoBridgeRules = errors.New("this kernel takes no rule for the frames of a bridge")

// natObject is a name that no other rule of the lab has.
func natObject(kind string, parts ...string) string {
	for _, p := range parts {
		if p != "" {
			kind += ":" + strings.ReplaceAll(p, " ", "")
		}
	}
	return kind
}

// maxComment is what nft takes (NFTNL_UDATA_COMMENT_MAXLEN, its final zero included).
const maxComment = 127

// mark is the comment by which the rule is known.
func (r chainRule) mark(k *Kernel) string {
	m := k.Mark(r.object)
	if len(m) <= maxComment {
		return m
	}
	h := sha256.Sum256([]byte(m))
	tail := "~" + hex.EncodeToString(h[:8])
	return m[:maxComment-len(tail)] + tail
}

func (r chainRule) exprs() []expr.Any {
	return append(r.says.match(), &expr.Counter{}, r.says.target())
}

// same says whether a rule of the kernel does what this one says. What it
// counted does not matter, nor does a comment.
func (r chainRule) same(have *nftables.Rule) bool {
	mine, err := marshalRule(r.family, r.exprs())
	if err != nil {
		return false
	}
	theirs, err := marshalRule(r.family, have.Exprs)
	return err == nil && bytes.Equal(mine, theirs)
}

func marshalRule(family nftables.TableFamily, exprs []expr.Any) ([]byte, error) {
	var out []byte
	for _, e := range exprs {
		switch x := e.(type) {
		case *expr.Counter:
			e = &expr.Counter{}
		case *expr.Match:
			if x.Name == "comment" {
				continue
			}
		}
		b, err := expr.Marshal(byte(family), e)
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	return out, nil
}

// inside opens the table in the rule's namespace.
func (r chainRule) inside(k *Kernel, f func(*nfTable) error) error {
	return k.Inside(r.ns, func() error {
		t, err := openTable(r.table, r.family)
		if err != nil {
			return err
		}
		t.kernel = k
		return f(t)
	})
}

func (r chainRule) before(k *Kernel, was string) (string, error) {
	t, err := r.look(k, false)
	if err != nil {
		return "", err
	}
	return t.before(r.chain, was)
}

// do adds the rule in one transaction, in which a rule of the same mark goes:
// what somebody altered is mended.
func (r chainRule) do(k *Kernel, was string) error {
	return again(k, func() error {
		had, err := r.before(k, was)
		if err != nil {
			return err
		}
		_, err = addRules(k, []newRule{{r, had}})
		return err
	})
}

// undo removes what carries the mark.
func (r chainRule) undo(k *Kernel, was string) error { return undoRules(k, []newRule{{r, was}}) }

// undoRules removes what carries the marks of rules of one chain.
func undoRules(k *Kernel, rs []newRule) error {
	return gone(again(k, func() error { return undoOnce(k, rs) }))
}

func undoOnce(k *Kernel, rs []newRule) error {
	t, err := rs[0].look(k, false)
	if err != nil {
		return err
	}
	l, err := t.list(rs[0].chain)
	if err != nil {
		return err
	}
	var old []*nftables.Rule
	words := map[string]bool{}
	for _, r := range rs {
		for _, o := range l.marked[r.mark(k)] {
			old, r.had = append(old, o), cmp.Or(hadWord(o.UserData), r.had)
		}
		words[r.had] = true
	}
	some, err := t.remove(rs[0].chain, old, hadWhat(words, true))
	if err != nil || !some {
		return err
	}
	return k.Inside(rs[0].ns, func() error {
		err := t.flush()
		if err == nil && len(old) > 0 {
			forgetFlows(rs)
		}
		return err
	})
}

func (r chainRule) diff(k *Kernel) (string, error) {
	t, err := r.look(k, true)
	if err != nil {
		return missing("namespace "+r.ns, err)
	}
	l, err := t.list(r.chain)
	if err != nil {
		return "", err
	}
	have := l.marked[r.mark(k)]
	switch {
	case len(have) == 0:
		return fmt.Sprintf("the lab's rule %q is missing %s", r.line(), place(r.ns)), nil
	case len(have) > 1:
		return fmt.Sprintf("the lab's rule %q stands there %d times %s", r.line(), len(have), place(r.ns)), nil
	case !r.same(have[0]):
		return fmt.Sprintf("the lab's rule %q was altered %s", r.line(), place(r.ns)), nil
	}
	return r.shadow(l, have[0]), nil
}

func (r chainRule) line() string { return r.chain + " " + strings.Join(r.says.Words(), " ") }

func (r chainRule) command(verb string) Command {
	return iptables(r.ns, r.family, r.table, append([]string{verb, r.chain}, r.says.Words()...)...)
}

// tools are the programs that write the tables of a family.
var tools = map[nftables.TableFamily]string{
	nftables.TableFamilyIPv4: "iptables", nftables.TableFamilyIPv6: "ip6tables", nftables.TableFamilyBridge: "ebtables",
}

// iptables is the command of a family; filter is its table unless it is told another.
func iptables(ns string, family nftables.TableFamily, table string, args ...string) Command {
	tool := []string{tools[family]}
	if table != tableFilter {
		tool = append(tool, "-t", table)
	}
	return inside(ns, append(tool, args...)...)
}

// explain says which part of the kernel is missing: its own answer is "no such
// file or directory".
func (r chainRule) explain(err error) error {
	var modules []string
	for _, e := range r.exprs() {
		switch x := e.(type) {
		case *expr.Match:
			modules = append(modules, "xt_"+x.Name)
		case *expr.Target:
			modules = append(modules, "xt_"+x.Name)
		}
	}
	switch {
	case r.family == nftables.TableFamilyBridge && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT)):
		return fmt.Errorf("%w: it needs nf_tables_bridge (CONFIG_NF_TABLES_BRIDGE); try `modprobe nft_meta_bridge`: %w", ErrNoBridgeRules, err)
	case !errors.Is(err, unix.ENOENT) || len(modules) == 0:
		return err
	}
	needs := "nft_compat (CONFIG_NFT_COMPAT)"
	if r.table == tableNAT {
		needs += ", nft_chain_nat (CONFIG_NFT_NAT)"
	}
	return fmt.Errorf("this kernel does not take the rule %q of iptables: it needs %s and %s; try `modprobe nft_compat`: %w",
		r.line(), needs, strings.Join(modules, ", "), err)
}
