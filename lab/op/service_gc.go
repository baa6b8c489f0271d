package op

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// serviceTraces lists the processes of this user, in this pid namespace, that
// serve for a lab, and that no lab under dir has written down.
func serviceTraces(dir string) ([]Trace, error) {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	rooms := markedRooms()
	var out []Trace
	for _, f := range procs {
		pid, err := strconv.Atoi(f.Name())
		if err != nil || !sameHome(pid) {
			continue
		}
		lab, tidy := ownerOf(pid, rooms)
		if lab == "" && !servesHere(pid) {
			continue
		}
		start, err := startTime(pid)
		if p := (process{pid, start}); err == nil && !written(dir, p) {
			out = append(out, p.trace(dir, lab, tidy))
		}
	}
	return out, nil
}

// ownerOf is the lab whose service a process is, "" when of none, and what removes
// the files that it leaves.
func ownerOf(pid int, rooms map[[2]uint64]string) (lab string, tidy func() error) {
	if lab, at := ovsOf(pid); lab != "" {
		return lab, func() error { return OpenVSwitch{Dir: at}.tidy(&Kernel{Lab: lab}) }
	}
	if lab, at := daemonOf(pid); lab != "" {
		made := environ(pid, madeEnv) // while it lives
		return lab, func() error { return DHCPDaemon{at}.collect(made) }
	}
	return commandOf(pid, rooms), func() error { return nil }
}

// trace is the process.
func (p process) trace(dir, lab string, tidy func() error) Trace {
	return Trace{
		Kind: TraceService, Name: strconv.Itoa(p.pid), Lab: lab, Mark: strings.Join(cmdline(p.pid), " "),
		remove: func() error {
			if written(dir, p) {
				return nil // it was being started
			}
			if err := p.end(); err != nil {
				return err
			}
			return tidy()
		},
	}
}

// markedRooms are the namespaces that carry a mark, with their lab.
func markedRooms() map[[2]uint64]string {
	rooms := map[[2]uint64]string{}
	found, _ := namespaceTraces() // an error is told by who lists them
	for _, t := range found {
		n, err := netns.Open(t.Name)
		if err != nil {
			continue
		}
		if dev, ino, err := n.ID(); err == nil {
			rooms[[2]uint64{dev, ino}] = t.Lab
		}
		n.Close()
	}
	return rooms
}

// commandOf returns the lab of a service that has become another program: it
// leads a session in a namespace of the lab, with the environment of a service.
func commandOf(pid int, rooms map[[2]uint64]string) string {
	var st unix.Stat_t
	if len(rooms) == 0 || unix.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &st) != nil {
		return ""
	}
	lab := rooms[[2]uint64{st.Dev, st.Ino}]
	if !serviceLike(pid) {
		return ""
	}
	return lab
}

// serviceLike says whether a process leads a session and has the environment
// that nslab gives to its services.
func serviceLike(pid int) bool {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	sid, serr := unix.Getsid(pid)
	return err == nil && serr == nil && sid == pid && strings.HasPrefix(string(env), strings.Join(serviceEnv(), "\x00")+"\x00")
}

// servesHere says whether a process is `nslab serve`, and no longer in the hands
// of the nslab that starts it.
func servesHere(pid int) bool {
	argv := cmdline(pid)
	if len(argv) < 2 || (argv[0] != "nslab" || argv[1] != "serve") && (argv[0] != ProxyProgram || !serviceLike(pid)) {
		return false
	}
	parent := cmdline(Parent(pid))
	if len(parent) == 0 || !slices.Contains([]string{"nslab", "exe"}, filepath.Base(parent[0])) {
		return true
	}
	return len(parent) > 1 && parent[1] == "hold"
}

func cmdline(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// sameHome says whether a process is ours and lives in our pid namespace.
func sameHome(pid int) bool {
	fi, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) != os.Geteuid() {
		return false
	}
	ours, err := os.Stat("/proc/self/ns/pid")
	if err != nil {
		return false
	}
	theirs, err := os.Open(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return false
	}
	defer theirs.Close()
	if fi, err = theirs.Stat(); err == nil && os.SameFile(fi, ours) {
		return true
	}
	return first(pid) && childOf(theirs, ours)
}

// first says whether a process is PID 1 of a pid namespace: a service that has
// one of its own, or the holder of a sandbox.
func first(pid int) bool {
	numbers, err := Numbers(pid)
	return err == nil && len(numbers) > 1 && numbers[len(numbers)-1] == 1
}

// childOf says whether a pid namespace was made in another one, ioctl_ns(2).
func childOf(ns *os.File, parent os.FileInfo) bool {
	fd, err := unix.IoctlRetInt(int(ns.Fd()), unix.NS_GET_PARENT)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), "parent")
	defer f.Close()
	fi, err := f.Stat()
	return err == nil && os.SameFile(fi, parent)
}

// Numbers are the PIDs of a process, as this /proc shows it first, in its own
// pid namespace last: NSpid in proc_pid_status(5).
func Numbers(pid int) ([]int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil, err
	}
	var out []int
	for line := range strings.Lines(string(b)) {
		list, ok := strings.CutPrefix(line, "NSpid:")
		for word := range strings.FieldsSeq(list) {
			if n, err := strconv.Atoi(word); ok && err == nil {
				out = append(out, n)
			}
		}
	}
	return out, nil
}

// Parent is field 4 of /proc/PID/stat; 0 when there is none.
func Parent(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(f[1])
	return parent
}

// written says whether a lab under dir has a record of the process.
func written(dir string, p process) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*", "services", "*.pid")) // the pattern is good
	return slices.ContainsFunc(files, func(f string) bool {
		b, err := os.ReadFile(f)
		have, ok := readProcess(b)
		return err == nil && ok && have == p
	})
}
