package lab

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests and offsets of include/uapi/linux/netfilter_ipv4/ip_tables.h. The
// old iptables keeps its tables where nf_tables, and so `nft` and `iptables`,
// do not show them; they drop packets all the same.
const (
	getInfo    = 64 // IPT_SO_GET_INFO
	getEntries = 65 // IPT_SO_GET_ENTRIES

	infoSize        = 84 // struct ipt_getinfo
	infoUnderflow   = 56
	infoEntriesSize = 80
	tableHeader     = 40 // struct ipt_get_entries before its entries
	entryIn         = 16 // ipt_entry.ip.iniface
	entryTarget     = 88 // ipt_entry.target_offset
	entryNext       = 90 // ipt_entry.next_offset
	entrySize       = 112
	targetSize      = 40 // struct xt_standard_target
	targetVerdict   = 32
	nameSize        = 32
	hookForward     = 2
	verdictDrop     = -1
	verdictAccept   = -2
)

// readLegacy reads the FORWARD chain of the old iptables. A table that is not
// loaded is not asked for: the kernel would make it.
func readLegacy(m *machine) {
	b, err := os.ReadFile("/proc/thread-self/net/ip_tables_names")
	if err != nil || !strings.Contains("\n"+string(b), "\nfilter\n") {
		return
	}
	info, entries, err := legacyTable("filter")
	if err != nil {
		return
	}
	m.wall.readEntries(info, entries)
}

// legacyTable asks the kernel for a table of the old iptables.
func legacyTable(name string) (info, entries []byte, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return nil, nil, err
	}
	defer unix.Close(fd)
	info = make([]byte, infoSize)
	copy(info, name)
	if err := getsockopt(fd, getInfo, info); err != nil {
		return nil, nil, err
	}
	size := binary.NativeEndian.Uint32(info[infoEntriesSize:])
	table := make([]byte, tableHeader+size)
	copy(table, name)
	binary.NativeEndian.PutUint32(table[nameSize:], size)
	return info, table[tableHeader:], getsockopt(fd, getEntries, table)
}

// getsockopt reads an option whose value is a question too.
func getsockopt(fd, option int, value []byte) error {
	size := uint32(len(value))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_IP, uintptr(option),
		uintptr(unsafe.Pointer(&value[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return nil
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
