package lab

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"nslab/lab/netns"
	"nslab/lab/op"
)

// readRooms says what every name in /run/netns is.
func readRooms() map[string]string {
	rooms := map[string]string{}
	files, _ := os.ReadDir(netns.Dir) // none: no names
	for _, f := range files {
		rooms[f.Name()] = plainFile
		if netns.Exists(f.Name()) {
			rooms[f.Name()] = liveRoom
		}
	}
	return rooms
}

// readLogin finds the SSH connection that we were started over. sudo(8) hides
// it from us, but not from a look at those who have started us.
func readLogin() login {
	if l := parseLogin(os.Getenv("SSH_CONNECTION"), os.Getenv("SSH_CLIENT")); l != (login{}) {
		return l
	}
	for pid := os.Getppid(); pid > 1; pid = op.Parent(pid) {
		env := environ(pid)
		if l := parseLogin(env["SSH_CONNECTION"], env["SSH_CLIENT"]); l != (login{}) {
			return l
		}
	}
	return login{}
}

func environ(pid int) map[string]string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return nil
	}
	env := map[string]string{}
	for word := range strings.SplitSeq(string(b), "\x00") {
		if k, v, ok := strings.Cut(word, "="); ok {
			env[k] = v
		}
	}
	return env
}

// readListening reads who waits for clients: proc_pid_net(5).
func readListening() []socket {
	var out []socket
	for _, table := range []struct{ file, proto, state string }{
		{"tcp", "tcp", "0A"}, {"tcp6", "tcp", "0A"}, {"udp", "udp", "07"}, {"udp6", "udp", "07"},
	} {
		b, err := os.ReadFile("/proc/thread-self/net/" + table.file)
		if err != nil {
			continue // a kernel without IPv6
		}
		out = append(out, parseListening(string(b), table.proto, table.state)...)
	}
	return out
}

func parseListening(table, proto, state string) []socket {
	var out []socket
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 4 || f[3] != state {
			continue
		}
		where, port, _ := strings.Cut(f[1], ":")
		n, err := strconv.ParseUint(port, 16, 16)
		if addr, ok := procAddr(where); ok && err == nil {
			out = append(out, socket{proto, addr, uint16(n)})
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
