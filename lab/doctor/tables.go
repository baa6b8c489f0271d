package doctor

import (
	"fmt"
	"os"
	"strings"
)

// Tables of the kernel that every namespace of a machine shares.

// neighbourTable is full when somebody has asked for too many MAC addresses:
// arp(7), gc_thresh3. Then a new neighbour is not looked for at all.
func neighbourTable() answer {
	const key = "net.ipv4.neigh.default.gc_thresh3"
	limit, known := number(key)
	if !known {
		return ok("only the machine's own namespace shows its limit (" + key + "); nslab asks among many rooms in waves")
	}
	used, counted := neighbours()
	rooms := roomsFor(limit - used)
	found := fmt.Sprintf("%d entries for all namespaces together (gc_thresh3)", limit)
	if counted {
		found += fmt.Sprintf(", %d taken", used)
	}
	found += fmt.Sprintf("; %d rooms can know each other at once, and nslab asks larger labs in waves", rooms)
	if rooms < fewRooms {
		return note(found+"; a ping of your own may meet \"neighbour table overflow\"",
			"sysctl -w "+key+"=16384", "sysctl -w net.ipv6.neigh.default.gc_thresh3=16384")
	}
	return ok(found)
}

// fewRooms is a lab of a few switches.
const fewRooms = 16

// roomsFor is how many rooms may ask each for each other one: n(n-1) entries.
func roomsFor(entries int) int {
	n := 0
	for (n+1)*n <= entries {
		n++
	}
	return n
}

// neighbours counts what is in the table; only the machine's own namespace
// shows it, as hexadecimal number of every row.
func neighbours() (n int, known bool) {
	b, _ := os.ReadFile("/proc/net/stat/arp_cache") // none: in another namespace
	return entries(string(b))
}

// entries is the first number below the head of a table of /proc/net/stat.
func entries(table string) (n int, known bool) {
	_, row, _ := strings.Cut(table, "\n")
	_, err := fmt.Sscanf(row, "%x", &n)
	return n, err == nil
}

// conntrackTable is full when too many flows are remembered: new ones are dropped.
func conntrackTable() answer {
	const key = "net.netfilter.nf_conntrack_max"
	limit, known := number(key)
	if !known {
		return ok("not in use yet; NAT brings it")
	}
	used, _ := number("net.netfilter.nf_conntrack_count")
	found := fmt.Sprintf("%d flows of %d", used, limit)
	if used*10 > limit*9 {
		return note(found+": when it is full, new flows are dropped", fmt.Sprintf("sysctl -w %s=%d", key, max(2*limit, 65536)))
	}
	return ok(found)
}

// covered says what a container hides of /proc and /sys: a file system that is
// not wholly visible cannot be mounted anew in a user namespace (mount_namespaces(7)).
func covered() answer {
	b, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return note(err.Error())
	}
	hidden, fixed := masks(string(b))
	switch {
	case len(fixed) > 0:
		return note("not writable: "+strings.Join(fixed, ", ")+", as in a container; a lab can only set what its sandbox mounts anew", wholeContainer...)
	case len(hidden) > 0:
		return note("covered: "+strings.Join(firstOf(hidden, 4), ", ")+", as in a container; a sandbox may have to show the machine's /proc and /sys", wholeContainer...)
	}
	return ok("whole and writable")
}

// masks reads proc_pid_mountinfo(5): what lies over files of /proc, and which of
// the two are read-only. What a later mount of /proc has covered does not count.
func masks(mountinfo string) (hidden, fixed []string) {
	ids := map[string]bool{} // of what is seen at and below /proc and /sys
	for line := range strings.Lines(mountinfo) {
		f := strings.Fields(line)
		if len(f) < 6 {
			continue
		}
		id, parent, at, readOnly := f[0], f[1], f[4], strings.HasPrefix(f[5]+",", "ro,")
		top := at == "/proc" || at == "/sys"
		switch {
		case top:
			hidden, fixed = without(hidden, at), without(fixed, at)
		case !ids[parent]:
			continue
		case strings.HasPrefix(at, "/proc/") && at != "/proc/sys" && at != "/proc/sys/fs/binfmt_misc":
			hidden = append(hidden, at)
		}
		ids[id] = true
		if readOnly && (top || at == "/proc/sys") {
			fixed = append(fixed, at)
		}
	}
	return hidden, fixed
}

// without is a list without what is at or below a directory.
func without(paths []string, dir string) []string {
	var out []string
	for _, p := range paths {
		if p != dir && !strings.HasPrefix(p, dir+"/") {
			out = append(out, p)
		}
	}
	return out
}

func firstOf(list []string, n int) []string {
	if len(list) <= n {
		return list
	}
	return append(list[:n:n], fmt.Sprintf("and %d more", len(list)-n))
}
