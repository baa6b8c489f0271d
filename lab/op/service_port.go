package op

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/topology"
)

// Fields of a line of /proc/net/{tcp,udp}, proc_pid_net(5).
const (
	localField = 1
	stateField = 3
	inodeField = 9
)

// Socket states that mean "waits for clients": TCP_LISTEN, and TCP_CLOSE for
// a datagram socket without a peer.
var waiting = map[string]string{"tcp": "0A", "udp": "07"}

// free fails when somebody else has the port.
func (s Service) free(k *Kernel) error {
	if s.Port == 0 {
		return nil
	}
	inode, err := s.listener(k)
	if err != nil || inode == "" {
		return err
	}
	return fmt.Errorf("port %d %s is taken: %s listens on it (%w)", s.Port, place(s.NS), owner(inode), unix.EADDRINUSE)
}

// listener is the inode of the socket that waits on the port, "" when none does.
func (s Service) listener(k *Kernel) (inode string, err error) {
	return listener(k, s.NS, listens[s.Kind], s.Port)
}

func listener(k *Kernel, ns, proto string, port int) (inode string, err error) {
	err = k.Inside(ns, func() error {
		for _, table := range []string{proto, proto + "6"} {
			b, err := os.ReadFile("/proc/thread-self/net/" + table)
			if errors.Is(err, fs.ErrNotExist) {
				continue // a kernel without IPv6
			}
			if err != nil {
				return err
			}
			if inode = socketOn(string(b), port, waiting[proto]); inode != "" {
				return nil
			}
		}
		return nil
	})
	return inode, err
}

func socketOn(table string, port int, state string) string {
	return socketAt(table, fmt.Sprintf(":%04X", port), state)
}

// socketAt is the inode of the socket whose local address ends with at.
func socketAt(table, at, state string) string {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) > inodeField && strings.HasSuffix(f[localField], at) && f[stateField] == state {
			return f[inodeField]
		}
	}
	return ""
}

// owner names the process that holds a socket, as far as we may look.
func owner(inode string) string {
	pid := holder(inode)
	if pid == "" {
		return "a process that cannot be seen from here"
	}
	name, _ := os.ReadFile("/proc/" + pid + "/comm")
	return fmt.Sprintf("process %s (%s)", pid, topology.Quote(strings.TrimSpace(string(name))))
}

// holder is the id of a process that holds a socket, "" when none is seen.
func holder(inode string) string {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is good
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err != nil || target != "socket:["+inode+"]" {
			continue
		}
		pid := strings.Split(fd, "/")[2]
		if _, err := strconv.Atoi(pid); err == nil {
			return pid
		}
	}
	return ""
}

// PortHolder says which process waits on a port of the host: its id, "" when
// none can be seen, and a name for it. proto is tcp or udp.
func PortHolder(k *Kernel, proto string, port uint16) (pid, name string) {
	inode, err := listener(k, topology.Host, proto, int(port))
	if err != nil || inode == "" {
		return "", owner("")
	}
	return holder(inode), owner(inode)
}
