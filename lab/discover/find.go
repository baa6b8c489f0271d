package discover

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"nslab/lab/netns"
)

// finder collects the namespaces of a machine by their inode. All of them are
// on the one nsfs of the kernel, so that number is enough.
type finder struct {
	proc   string
	by     map[uint64]*Namespace
	mounts map[uint64]bool // mount namespaces that were read
	denied int             // processes that may not be looked at
}

// find looks at every process, and at every mount namespace in which a name
// may stand that no process has: that is how ip-netns(8) and Docker keep theirs.
func find(proc string) (*finder, error) {
	f := &finder{proc: proc, by: map[uint64]*Namespace{}, mounts: map[uint64]bool{}}
	own, err := netns.Current()
	if err != nil {
		return nil, err
	}
	defer own.Close()
	_, ino, err := own.ID()
	if err != nil {
		return nil, err
	}
	f.by[ino] = &Namespace{Inode: ino}
	dirs, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	f.mounted("self")
	for _, d := range dirs {
		if pid, err := strconv.Atoi(d.Name()); err == nil {
			f.process(pid)
		}
	}
	return f, nil
}

// process notes in which namespace a process is. One that ends meanwhile is
// not there.
func (f *finder) process(pid int) {
	dir := filepath.Join(f.proc, strconv.Itoa(pid))
	ino, err := inode(dir + "/ns/net")
	if errors.Is(err, fs.ErrPermission) {
		f.denied++
	}
	if err != nil {
		return
	}
	comm, err := os.ReadFile(dir + "/comm")
	if err != nil {
		return
	}
	n := f.at(ino, dir+"/ns/net")
	n.Processes = append(n.Processes, Process{pid, strings.TrimSpace(string(comm))})
	if p, ok := proxyOf(dir); ok {
		n.Proxies = append(n.Proxies, p)
	}
	f.mounted(strconv.Itoa(pid))
}

func (f *finder) at(ino uint64, path string) *Namespace {
	n := f.by[ino]
	if n == nil {
		n = &Namespace{Inode: ino}
		f.by[ino] = n
	}
	n.ways = append(n.ways, path)
	return n
}

// mounted reads the namespaces that are mounted where a process lives, once
// for each mount namespace.
func (f *finder) mounted(pid string) {
	dir := filepath.Join(f.proc, pid)
	ino, err := inode(dir + "/ns/mnt")
	if err != nil || f.mounts[ino] {
		return
	}
	f.mounts[ino] = true
	text, err := os.ReadFile(dir + "/mountinfo")
	if err != nil {
		return
	}
	for path, ino := range mountedNamespaces(text) {
		n := f.at(ino, dir+"/root"+path)
		if pid == "self" {
			n.Paths = append(n.Paths, path)
		} else if !slices.Contains(n.Paths, path) {
			n.Paths = append(n.Paths, dir+"/root"+path)
		}
	}
}

// mountedNamespaces reads proc_pid_mountinfo(5): the root of such a mount is
// "net:[4026532177]", and the fifth field is where it stands.
func mountedNamespaces(mountinfo []byte) map[string]uint64 {
	found := map[string]uint64{}
	for line := range bytes.Lines(mountinfo) {
		fields := strings.Fields(string(line))
		if len(fields) < 5 {
			continue
		}
		number, ok := strings.CutPrefix(fields[3], "net:[")
		ino, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
		if ok && err == nil {
			found[octal.Replace(fields[4])] = ino
		}
	}
	return found
}

// octal undoes what the kernel does to a path in mountinfo.
var octal = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func inode(path string) (uint64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("%s has no inode", path)
	}
	return st.Ino, nil
}

// sorted lists them, our own first.
func (f *finder) sorted(own uint64) []*Namespace {
	all := []*Namespace{f.by[own]}
	for ino, n := range f.by {
		slices.SortFunc(n.Processes, func(a, b Process) int { return cmp.Compare(a.Pid, b.Pid) })
		slices.Sort(n.Paths)
		if ino != own {
			all = append(all, n)
		}
	}
	return all
}
