package op

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Waiting is a socket that waits for clients.
type Waiting struct {
	At    netip.AddrPort
	User  uint32 // who opened it
	inode uint64
}

// states are those that mean "waits for clients": TCP_LISTEN, and TCP_CLOSE for
// a datagram socket without a peer (include/net/tcp_states.h).
var states = map[string]int{"tcp": 10, "udp": 7}

// WaitingHere lists the sockets of the namespace that the thread is in which
// wait for clients of a protocol, tcp or udp. It asks by sock_diag(7): for
// /proc/net/tcp the kernel goes through a table of all connections of all
// namespaces, and twice at that, which takes milliseconds, be it empty. A
// kernel without sock_diag is read there.
func WaitingHere(proto string) ([]Waiting, error) {
	out, err := waitingDiag(proto)
	if err != nil {
		return waitingProc(proto)
	}
	return out, nil
}

// The fields of struct inet_diag_msg, linux/inet_diag.h, that are read here.
const (
	diagPort  = 4
	diagAddr  = 8
	diagUser  = 64
	diagInode = 68
	diagSize  = 72
)

func waitingDiag(proto string) (out []Waiting, err error) {
	s, err := dial(unix.NETLINK_SOCK_DIAG, make([]byte, bufSize))
	if err != nil {
		return nil, err
	}
	defer s.close()
	var found []Waiting
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		ask := make(message, 56) // struct inet_diag_req_v2
		ask[0], ask[1] = family, protoNumber(proto)
		binary.NativeEndian.PutUint32(ask[4:], 1<<states[proto])
		err := s.read(table{unix.SOCK_DIAG_BY_FAMILY, ask, func() { found = nil }, func(b []byte) {
			if len(b) < diagSize {
				return
			}
			addr, _ := netip.AddrFromSlice(b[diagAddr : diagAddr+map[byte]int{unix.AF_INET: 4, unix.AF_INET6: 16}[family]])
			at := netip.AddrPortFrom(addr.Unmap(), binary.BigEndian.Uint16(b[diagPort:]))
			found = append(found, Waiting{at, binary.NativeEndian.Uint32(b[diagUser:]), uint64(numberOf(b[diagInode:]))})
		}})
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func waitingProc(proto string) (out []Waiting, err error) {
	for _, name := range []string{proto, proto + "6"} {
		b, err := os.ReadFile("/proc/thread-self/net/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, err
		}
		out = append(out, parseWaiting(string(b), states[proto])...)
	}
	return out, nil
}

// parseWaiting reads /proc/net/{tcp,udp}{,6}, proc_pid_net(5).
func parseWaiting(table string, state int) (out []Waiting) {
	const local, is, user, inode = 1, 3, 7, 9
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) <= inode {
			continue
		}
		where, port, _ := strings.Cut(f[local], ":")
		addr, ok := procAddr(where)
		n, err := strconv.ParseUint(port, 16, 16)
		now, serr := strconv.ParseUint(f[is], 16, 8)
		who, uerr := strconv.ParseUint(f[user], 10, 32)
		id, ierr := strconv.ParseUint(f[inode], 10, 64)
		if ok && errors.Join(err, serr, uerr, ierr) == nil && int(now) == state {
			out = append(out, Waiting{netip.AddrPortFrom(addr, uint16(n)), uint32(who), id})
		}
	}
	return out
}

// procAddr reads an address as /proc/net has it: words of four bytes, each in
// the order of this machine.
func procAddr(s string) (netip.Addr, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b)%4 != 0 {
		return netip.Addr{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	a, ok := netip.AddrFromSlice(b)
	return a.Unmap(), ok
}
