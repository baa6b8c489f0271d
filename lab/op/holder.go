package op

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
	"nslab/topology"
)

// Rooms are namespaces with their names.
type Rooms map[room]string

// NewRooms looks at those that have a name now. All namespaces are files of one
// file system, nsfs; what is of another is none.
func NewRooms(names []string) Rooms {
	r := Rooms{}
	var here, st unix.Stat_t
	if unix.Stat("/proc/self/ns/net", &here) != nil {
		return r
	}
	for _, name := range names {
		if unix.Lstat(filepath.Join(netns.Dir, name), &st) == nil && st.Dev == here.Dev {
			r[room{st.Dev, st.Ino}] = name
		}
	}
	return r
}

// Holder is a process that is in no namespace of the lab, but has one open: the
// kernel keeps what is open, also without a name.
type Holder struct {
	NS, FD string
	Pid    int
}

func (h Holder) String() string {
	return fmt.Sprintf("process %d (%s) has %s open as descriptor %s", h.Pid, topology.Quote(strings.Join(cmdline(h.Pid), " ")), h.NS, h.FD)
}

// Holders are the processes that have one of the rooms open which has no name
// any more, as far as this user may look: of each process the first descriptor.
func (r Rooms) Holders() (out []Holder) {
	live, _ := netns.List() // sorted
	maps.DeleteFunc(r, func(_ room, name string) bool {
		_, again := slices.BinarySearch(live, name) // it is somebody else's
		return again
	})
	if len(r) == 0 {
		return nil
	}
	procs, _ := os.ReadDir("/proc") // none: nobody can be named
	for _, f := range procs {
		if pid, err := strconv.Atoi(f.Name()); err == nil && pid != os.Getpid() {
			out = append(out, r.heldBy(pid)...)
		}
	}
	return out
}

func (r Rooms) heldBy(pid int) (out []Holder) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	d, err := os.Open(dir)
	if err != nil {
		return nil // it has ended, or is not to be looked at
	}
	defer d.Close()
	fds, _ := d.Readdirnames(-1)
	seen := map[string]bool{}
	for _, fd := range fds {
		if name := r.behind(filepath.Join(dir, fd)); name != "" && !seen[name] {
			seen[name] = true
			out = append(out, Holder{name, fd, pid})
		}
	}
	return out
}

// behind is the name of the room that a descriptor stands for, "" for none. Its
// path tells little: "/" once the name is gone, "net:[4026532177]" where it was
// opened without one (namespaces(7)), and the name where another mount namespace
// has a copy. Others are not looked at: a file may be on a disk that hangs.
func (r Rooms) behind(fd string) string {
	link, err := os.Readlink(fd)
	if err != nil || link != "/" && !strings.HasPrefix(link, "net:[") && !r.called(filepath.Base(link)) {
		return ""
	}
	var st unix.Stat_t
	if unix.Stat(fd, &st) != nil {
		return ""
	}
	return r[room{st.Dev, st.Ino}]
}

func (r Rooms) called(name string) bool {
	for _, room := range r {
		if room == name {
			return true
		}
	}
	return false
}
