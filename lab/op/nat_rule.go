package op

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// natRule is what the facts of address translation have in common: one rule
// in the table `ip nat` or `ip6 nat`, in the very form in which iptables-nft
// writes it, so that iptables and nft both show what the lecture typed.
type natRule struct {
	ns     string
	family nftables.TableFamily
	chain  string
	words  []string // the rule as iptables spells it
	match  []expr.Any
	target *expr.Target
	object string // what the lab's mark says of it
	flows  func(*netlink.ConntrackFlow) bool
}

func natFamily(a netip.Addr) nftables.TableFamily {
	if a.Is6() {
		return nftables.TableFamilyIPv6
	}
	return nftables.TableFamilyIPv4
}

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
func (r natRule) mark(k *Kernel) string {
	m := k.Mark(r.object)
	if len(m) <= maxComment {
		return m
	}
	h := sha256.Sum256([]byte(m))
	tail := "~" + hex.EncodeToString(h[:8])
	return m[:maxComment-len(tail)] + tail
}

func (r natRule) exprs() []expr.Any {
	return append(append([]expr.Any{}, r.match...), &expr.Counter{}, r.target)
}

// same says whether a rule of the kernel does what this one says. What it
// counted does not matter, nor does a comment.
func (r natRule) same(have *nftables.Rule) bool {
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
func (r natRule) inside(k *Kernel, f func(*natTable) error) error {
	return k.Inside(r.ns, func() error {
		t, err := openNAT(r.family)
		if err != nil {
			return err
		}
		return f(t)
	})
}

func (r natRule) before(k *Kernel, was string) (word string, err error) {
	err = r.inside(k, func(t *natTable) error {
		word, err = t.before(r.chain, was)
		return err
	})
	return word, err
}

// do adds the rule in one transaction, in which a rule of the same mark goes:
// what somebody altered is mended.
func (r natRule) do(k *Kernel, was string) error {
	return r.inside(k, func(t *natTable) error {
		word, err := t.before(r.chain, was)
		if err != nil {
			return err
		}
		all, err := t.rules(r.chain)
		if err != nil {
			return err
		}
		old := marked(all, r.mark(k))
		var before *nftables.Rule
		if i := slices.IndexFunc(all, r.shadows); i >= 0 {
			before = all[i]
		}
		if err := t.add(r.chain, r.exprs(), userData(r.mark(k), word), old, before); err != nil {
			return r.explain(err)
		}
		forgetFlows(r.family, r.flows)
		return nil
	})
}

// undo removes what carries the mark. When something that it saw is gone
// before its transaction comes, it looks again.
func (r natRule) undo(k *Kernel, was string) (err error) {
	for range 3 {
		if err = r.undoOnce(k, was); !absent(err) {
			return err
		}
	}
	return gone(err)
}

func (r natRule) undoOnce(k *Kernel, had string) error {
	return r.inside(k, func(t *natTable) error {
		all, err := t.rules(r.chain)
		if err != nil {
			return err
		}
		old := marked(all, r.mark(k))
		for _, o := range old {
			had = cmp.Or(hadWord(o.UserData), had)
		}
		if err := t.remove(r.chain, old, had); err != nil {
			return err
		}
		if len(old) > 0 {
			forgetFlows(r.family, r.flows)
		}
		return nil
	})
}

func (r natRule) diff(k *Kernel) (diff string, err error) {
	err = r.inside(k, func(t *natTable) error {
		all, err := t.rules(r.chain)
		have := marked(all, r.mark(k))
		switch {
		case err != nil:
			return err
		case len(have) == 0:
			diff = fmt.Sprintf("the lab's rule %q is missing %s", r.line(), place(r.ns))
		case len(have) > 1:
			diff = fmt.Sprintf("the lab's rule %q stands there %d times %s", r.line(), len(have), place(r.ns))
		case !r.same(have[0]):
			diff = fmt.Sprintf("the lab's rule %q was altered %s", r.line(), place(r.ns))
		default:
			diff = r.shadow(all, have[0])
		}
		return nil
	})
	if err != nil {
		return missing("namespace "+r.ns, err)
	}
	return diff, nil
}

func (r natRule) line() string { return r.chain + " " + strings.Join(r.words, " ") }

func (r natRule) command(verb string) Command {
	tool := "iptables"
	if r.family == nftables.TableFamilyIPv6 {
		tool = "ip6tables"
	}
	return inside(r.ns, append([]string{tool, "-t", "nat", verb, r.chain}, r.words...)...)
}

// explain says which part of the kernel is missing: its own answer is "no such
// file or directory".
func (r natRule) explain(err error) error {
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	return fmt.Errorf("this kernel does not take the %s rule of iptables: it needs nft_compat (CONFIG_NFT_COMPAT), nft_chain_nat (CONFIG_NFT_NAT) and xt_%s; try `modprobe nft_compat`: %w",
		r.target.Name, r.target.Name, err)
}
