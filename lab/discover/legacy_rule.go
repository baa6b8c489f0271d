package discover

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strings"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
)

// Offsets and flags of struct ipt_ip.
const (
	ipSource      = 0
	ipDest        = 4
	ipSourceMask  = 8
	ipDestMask    = 12
	ipInDev       = 16
	ipOutDev      = 32
	ipInMask      = 48
	ipOutMask     = 64
	ipProto       = 80
	ipFlags       = 82 // IPT_F_FRAG, IPT_F_GOTO
	ipInverted    = 83
	devSize       = 16
	notInDev      = 0x01 // IPT_INV_VIA_IN
	notOutDev     = 0x02
	notSource     = 0x08
	notDest       = 0x10
	notUnderstood = 0x04 | 0x20 | 0x40 // IPT_INV_TOS, _FRAG, _PROTO
)

// rule reads an entry as a rule of a chain.
func (e legacyEntry) rule(t *legacyTable, chain string) Rule {
	r := reading{Rule: Rule{Table: t.name, Chain: chain, Whole: true}}
	inverted := e.data[ipInverted]
	r.Whole = inverted&notUnderstood == 0 && e.data[ipFlags] == 0
	r.From, r.NotFrom = e.network(ipSource, ipSourceMask), inverted&notSource != 0
	r.Dest, r.NotDest = e.network(ipDest, ipDestMask), inverted&notDest != 0
	r.InDev = e.dev(ipInDev, ipInMask, inverted&notInDev != 0)
	r.OutDev = e.dev(ipOutDev, ipOutMask, inverted&notOutDev != 0)
	if proto := binary.NativeEndian.Uint16(e.data[ipProto:]); proto != 0 {
		r.Whole = r.proto([]byte{byte(proto)}) && r.Whole
	}
	for rest := e.data[entrySize:]; len(rest) >= moduleSize; {
		size := int(binary.NativeEndian.Uint16(rest))
		if size < moduleSize || size > len(rest) {
			break
		}
		r.Whole = r.extension(rest[:size]) && r.Whole
		rest = rest[size:]
	}
	e.verdict(t, &r)
	return r.Rule
}

// network is an address under a mask, no network for all of them.
func (e legacyEntry) network(at, mask int) netip.Prefix {
	ones := bits.OnesCount32(binary.BigEndian.Uint32(e.data[mask:]))
	if ones == 0 {
		return netip.Prefix{}
	}
	addr, _ := netip.AddrFromSlice(e.data[at : at+4])
	return netip.PrefixFrom(addr, ones)
}

// dev is the name of an interface: the mask ends before the final zero where
// all are meant that begin so.
func (e legacyEntry) dev(at, mask int, not bool) string {
	name := word(e.data[at : at+devSize])
	if name == "" {
		return ""
	}
	if n := len(name); n < devSize && e.data[mask+n] == 0 && !strings.HasSuffix(name, "+") {
		name += "+"
	}
	if not {
		name = "!" + name
	}
	return name
}

// extension reads a struct xt_entry_match.
func (r *reading) extension(m []byte) bool {
	name, revision := word(m[moduleName:moduleRevision]), uint32(m[moduleRevision])
	info, err := xt.Unmarshal(name, family4, revision, m[moduleSize:])
	return err == nil && r.match(&expr.Match{Name: name, Rev: revision, Info: info})
}

// verdict reads the target: the standard one has no name, and says what becomes
// of the packet or where the chain begins that is asked next.
func (e legacyEntry) verdict(t *legacyTable, r *reading) {
	if name := word(e.target[moduleName:moduleRevision]); name != "" {
		revision := uint32(e.target[moduleRevision])
		info, err := xt.Unmarshal(name, family4, revision, e.target[moduleSize:])
		r.Whole = r.Whole && err == nil
		r.compat(&expr.Target{Name: name, Rev: revision, Info: info})
		return
	}
	v := int(int32(binary.NativeEndian.Uint32(e.target[moduleSize:])))
	names := map[int]string{-1: "DROP", -2: "ACCEPT", -5: "RETURN"} // linux/netfilter.h and x_tables.h
	switch chain := t.starts[v]; {
	case names[v] != "":
		r.Target = names[v]
	case v == e.at+e.size: // it only counts
	case chain != "":
		r.Target = chain
	default:
		r.Whole = false
	}
}
