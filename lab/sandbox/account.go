package sandbox

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Rooted says whether this process is the root to whom /run belongs. The root of
// a user namespace (unshare -r) is an ordinary user of the machine, unless there
// is a /run of its own, as in a container.
func Rooted() bool {
	var run unix.Stat_t
	return os.Geteuid() == 0 && (unix.Stat("/run", &run) != nil || run.Uid == 0)
}

// Account is the number by which the machine around this user namespace knows
// the user; false when it is nobody's there (unshare -U). See user_namespaces(7).
func Account() (uid int, known bool) {
	b, err := os.ReadFile("/proc/self/uid_map")
	if err != nil { // a kernel without user namespaces
		return os.Geteuid(), true
	}
	return accountOf(os.Geteuid(), string(b))
}

func accountOf(uid int, uidMap string) (outside int, known bool) {
	for line := range strings.Lines(uidMap) {
		var from, to, n int
		if _, err := fmt.Sscan(line, &from, &to, &n); err == nil && from <= uid && uid-from < n {
			return to + uid - from, true
		}
	}
	return uid, false
}
