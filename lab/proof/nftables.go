package proof

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"nslab/topology"
)

// nftables is the rule set, see nft(8): tables, chains, rules, sets and what is
// in them, objects and flow tables. A rule set of iptables-nft is in it. All
// dumps are of one generation of the rules.
func nftables(v *view) ([]string, error) {
	for range interrupted {
		before, err := generation()
		if err != nil {
			return nil, err
		}
		lines, err := v.ruleset()
		if err != nil {
			return nil, err
		}
		if after, err := generation(); err != nil || slices.Equal(before, after) {
			return lines, err
		}
		if err := v.ctx.Err(); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("they change all the time")
}

// generation is a number that every change of the rules raises.
func generation() ([]byte, error) {
	r := nl.NewNetlinkRequest(nft(unix.NFT_MSG_GETGEN), 0)
	r.AddRawData(make([]byte, nfgenmsg))
	out, err := r.Execute(unix.NETLINK_NETFILTER, 0)
	if errors.Is(err, unix.EINVAL) {
		return nil, unix.EOPNOTSUPP // a kernel without nf_tables
	}
	if err != nil || len(out) == 0 || len(out[0]) < nfgenmsg {
		return nil, err
	}
	return find(attributes(out[0][nfgenmsg:]), unix.NFTA_GEN_ID), nil
}

const nfgenmsg = 4 // size of the header of nfnetlink.h

func nft(msg int) int { return unix.NFNL_SUBSYS_NFTABLES<<8 | msg }

func (v *view) ruleset() ([]string, error) {
	var out []string
	for _, sort := range []struct {
		name string
		msg  int
		own  uint16 // the attribute with the object's own name or handle
		voc  vocabulary
	}{
		{"table", unix.NFT_MSG_GETTABLE, unix.NFTA_TABLE_NAME, tableWords},
		{"chain", unix.NFT_MSG_GETCHAIN, unix.NFTA_CHAIN_NAME, chainWords},
		{"rule", unix.NFT_MSG_GETRULE, unix.NFTA_RULE_HANDLE, ruleWords},
		{"set", unix.NFT_MSG_GETSET, unix.NFTA_SET_NAME, setWords},
		{"object", unix.NFT_MSG_GETOBJ, unix.NFTA_OBJ_NAME, objectWords},
		{"flowtable", unix.NFT_MSG_GETFLOWTABLE, flowtableName, flowtableWords},
	} {
		ms, err := v.nft(sort.msg, make([]byte, nfgenmsg))
		if err != nil {
			return nil, fmt.Errorf("%ss: %w", sort.name, err)
		}
		for _, m := range ms {
			out = append(out, v.line(sort.name+" "+v.nftKey(m, sort.msg, sort.own), m.attrs, sort.voc))
			if sort.msg != unix.NFT_MSG_GETSET {
				continue
			}
			elements, err := v.elements(m)
			if err != nil {
				return nil, err
			}
			out = append(out, elements...)
		}
	}
	return out, nil
}

func (v *view) nft(msg int, request []byte) ([]message, error) {
	raw, err := v.dump(unix.NETLINK_NETFILTER, uint16(nft(msg)), request)
	var out []message
	for _, b := range raw {
		if len(b) >= nfgenmsg {
			out = append(out, message{b[:nfgenmsg], attributes(b[nfgenmsg:])})
		}
	}
	return out, err
}

// nftKey names an object as nft(8) does: family, table, chain, name.
func (v *view) nftKey(m message, msg int, own uint16) string {
	parts := []string{nftFamily(m.header[0])}
	if msg != unix.NFT_MSG_GETTABLE {
		parts = append(parts, text(v, find(m.attrs, unix.NFTA_RULE_TABLE)))
	}
	if msg != unix.NFT_MSG_GETRULE {
		return strings.Join(append(parts, text(v, find(m.attrs, own))), " ")
	}
	chain, handle := find(m.attrs, unix.NFTA_RULE_CHAIN), find(m.attrs, own)
	return strings.Join(append(parts, text(v, chain), "handle", bigEndian(v, handle)), " ")
}

func nftFamily(f byte) string {
	names := map[byte]string{
		unix.NFPROTO_INET: "inet", unix.NFPROTO_IPV4: "ip", unix.NFPROTO_IPV6: "ip6",
		unix.NFPROTO_ARP: "arp", unix.NFPROTO_NETDEV: "netdev", unix.NFPROTO_BRIDGE: "bridge",
	}
	if n, ok := names[f]; ok {
		return n
	}
	return fmt.Sprintf("family-%d", f)
}

// elements are what is in a set, but for those that a timeout takes away.
func (v *view) elements(set message) ([]string, error) {
	table, name := find(set.attrs, unix.NFTA_SET_TABLE), find(set.attrs, unix.NFTA_SET_NAME)
	request := []byte{set.header[0], 0, 0, 0}
	request = append(request, nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_TABLE, table).Serialize()...)
	request = append(request, nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_SET, name).Serialize()...)
	ms, err := v.nft(unix.NFT_MSG_GETSETELEM, request)
	key := fmt.Sprintf("element of %s %s %s", nftFamily(set.header[0]), text(v, table), text(v, name))
	var out []string
	for _, m := range ms {
		for _, e := range attributes(find(m.attrs, unix.NFTA_SET_ELEM_LIST_ELEMENTS)) {
			as := attributes(e.value)
			if find(as, unix.NFTA_SET_ELEM_EXPIRATION) == nil {
				out = append(out, v.line(key+" "+hexadecimal(v, find(attributes(find(as, unix.NFTA_SET_ELEM_KEY)), unix.NFTA_DATA_VALUE)), as, elementWords))
			}
		}
	}
	return out, err
}

// bigEndian shows a number as nf_tables writes them.
func bigEndian(_ *view, b []byte) string { return new(big.Int).SetBytes(b).String() }

// expressions shows what a rule does: "counter target(1=MASQUERADE,2=00000000)".
func expressions(v *view, b []byte) string {
	var out []string
	for _, e := range attributes(b) {
		as := attributes(e.value)
		name := text(v, find(as, unix.NFTA_EXPR_NAME))
		if data := attributes(find(as, unix.NFTA_EXPR_DATA)); name != "counter" && name != "last" {
			name += "(" + strings.Join(expression(name, data), ",") + ")"
		}
		out = append(out, name)
	}
	return strings.Join(out, "|")
}

func expression(name string, data []attribute) []string {
	var out []string
	for _, a := range data {
		if name != "quota" || a.kind != unix.NFTA_QUOTA_CONSUMED {
			out = append(out, fmt.Sprintf("%d=%s", a.kind, plain(a.value)))
		}
	}
	return out
}

// plain shows text as text and everything else in hexadecimal.
func plain(b []byte) string {
	s, terminated := strings.CutSuffix(string(b), "\x00")
	if terminated && s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return topology.Quote(s)
	}
	return hex.EncodeToString(b)
}
