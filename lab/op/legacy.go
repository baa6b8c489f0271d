package op

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests and sizes of include/uapi/linux/netfilter_ipv4/ip_tables.h.
const (
	legacyGetInfo     = 64 // IPT_SO_GET_INFO
	legacyGetEntries  = 65 // IPT_SO_GET_ENTRIES
	legacyInfoSize    = 84 // struct ipt_getinfo
	legacyEntriesSize = 80 // ipt_getinfo.size
	legacyHeader      = 40 // struct ipt_get_entries before its entries
	legacyName        = 32 // XT_TABLE_MAXNAMELEN
)

// Legacy is a table of the old iptables as the kernel hands it out. It keeps
// them where nf_tables, and so `nft` and `iptables`, do not show them; they do
// their work all the same.
type Legacy struct {
	Info    []byte // struct ipt_getinfo
	Entries []byte // struct ipt_entry, one behind the other
}

// ReadLegacy reads a table of IPv4 in the namespace that this thread is in. One
// that is not loaded is fs.ErrNotExist, and not asked for: the kernel would make
// it. Only root of the namespace may read one.
func ReadLegacy(table string) (Legacy, error) {
	b, err := os.ReadFile("/proc/thread-self/net/ip_tables_names")
	if err != nil {
		return Legacy{}, err
	}
	if !strings.Contains("\n"+string(b), "\n"+table+"\n") {
		return Legacy{}, fs.ErrNotExist
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return Legacy{}, err
	}
	defer unix.Close(fd)
	info := make([]byte, legacyInfoSize)
	copy(info, table)
	if err := askOption(fd, legacyGetInfo, info); err != nil {
		return Legacy{}, err
	}
	size := binary.NativeEndian.Uint32(info[legacyEntriesSize:])
	entries := make([]byte, legacyHeader+size)
	copy(entries, table)
	binary.NativeEndian.PutUint32(entries[legacyName:], size)
	if err := askOption(fd, legacyGetEntries, entries); err != nil {
		return Legacy{}, fmt.Errorf("table %s of iptables-legacy: %w", table, err)
	}
	return Legacy{info, entries[legacyHeader:]}, nil
}

// askOption is getsockopt(2) of an option whose value is a question too.
func askOption(fd, option int, value []byte) error {
	size := uint32(len(value))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_IP, uintptr(option),
		uintptr(unsafe.Pointer(&value[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
