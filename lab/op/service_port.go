package op

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/topology"
)

// free fails when somebody else has the port.
func (s Service) free(k *Kernel) error {
	if s.Port == 0 {
		return nil
	}
	w, err := s.listener(k)
	if err != nil || w == nil {
		return err
	}
	return fmt.Errorf("port %d %s is taken: %s listens on it (%w)", s.Port, place(s.NS), owner(w.inode), unix.EADDRINUSE)
}

// listener is the socket that waits on the port, nil when none does.
func (s Service) listener(k *Kernel) (*Waiting, error) {
	return k.listener(s.NS, listens[s.Kind], s.Port)
}

func (k *Kernel) listener(ns, proto string, port int) (*Waiting, error) {
	return k.waiting(ns, proto, func(w Waiting) bool { return int(w.At.Port()) == port })
}

// waiting finds a socket in a namespace that waits for clients, nil when there
// is none.
func (k *Kernel) waiting(ns, proto string, is func(Waiting) bool) (w *Waiting, err error) {
	err = k.enter(ns, func() error {
		all, err := WaitingHere(proto)
		if i := slices.IndexFunc(all, is); i >= 0 {
			w = &all[i]
		}
		return err
	})
	return w, err
}

// owner names the process that holds a socket, as far as we may look.
func owner(inode uint64) string {
	pid := holder(inode)
	if pid == "" {
		return "a process that cannot be seen from here"
	}
	name, _ := os.ReadFile("/proc/" + pid + "/comm")
	return fmt.Sprintf("process %s (%s)", pid, topology.Quote(strings.TrimSpace(string(name))))
}

// holder is the id of a process that holds a socket, "" when none is seen.
func holder(inode uint64) string {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is good
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err != nil || target != fmt.Sprintf("socket:[%d]", inode) {
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
	w, err := k.listener(topology.Host, proto, int(port))
	if err != nil || w == nil {
		w = &Waiting{}
	}
	return holder(w.inode), owner(w.inode)
}
