package lab

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"

	"nslab/lab/op"
)

// Offsets of include/uapi/linux/netfilter_ipv4/ip_tables.h.
const (
	infoUnderflow = 56 // struct ipt_getinfo
	entryIn       = 16 // ipt_entry.ip.iniface
	entryTarget   = 88 // ipt_entry.target_offset
	entryNext     = 90 // ipt_entry.next_offset
	entrySize     = 112
	targetSize    = 40 // struct xt_standard_target
	targetVerdict = 32
	hookForward   = 2
	verdictDrop   = -1
	verdictAccept = -2
)

// readLegacy reads the FORWARD chain of the old iptables.
func readLegacy(m *machine) {
	if t, err := op.ReadLegacy("filter"); err == nil {
		m.wall.readEntries(t.Info, t.Entries)
	}
}

// readEntries reads the policy of FORWARD, and which interfaces are let through.
func (f *firewall) readEntries(info, entries []byte) {
	policy := int(binary.NativeEndian.Uint32(info[infoUnderflow+4*hookForward:]))
	if verdict, ok := legacyVerdict(entries, policy); ok && verdict == verdictDrop {
		f.legacy = true
		f.drops = append(f.drops, "iptables-legacy filter FORWARD policy drop")
	}
	for at := 0; at+entrySize <= len(entries); {
		verdict, ok := legacyVerdict(entries, at)
		in := string(bytes.TrimRight(entries[at+entryIn:at+entryIn+unix.IFNAMSIZ], "\x00"))
		bare := binary.NativeEndian.Uint16(entries[at+entryTarget:]) == entrySize // no matches
		if ok && bare && in != "" && verdict == verdictAccept {
			f.accepts = append(f.accepts, in)
		}
		next := int(binary.NativeEndian.Uint16(entries[at+entryNext:]))
		if next < entrySize {
			return
		}
		at += next
	}
}

// legacyVerdict is what a rule with the standard target comes to.
func legacyVerdict(entries []byte, at int) (verdict int32, ok bool) {
	if at < 0 || at+entrySize > len(entries) {
		return 0, false
	}
	target := at + int(binary.NativeEndian.Uint16(entries[at+entryTarget:]))
	if target+targetSize > len(entries) || entries[target+2] != 0 { // the standard target has no name
		return 0, false
	}
	return int32(binary.NativeEndian.Uint32(entries[target+targetVerdict:])), true
}
