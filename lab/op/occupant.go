package op

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
	"nslab/topology"
)

// Occupant is a process in a namespace of a lab that the lab did not start.
// As long as it runs, the kernel keeps the namespace, also without its name.
type Occupant struct {
	NS string
	process
}

func (o Occupant) String() string {
	return fmt.Sprintf("process %d (%s) is in %s", o.pid, topology.Quote(strings.Join(cmdline(o.pid), " ")), o.NS)
}

// End ends it, and no other process: TERM, then KILL.
func (o Occupant) End() error {
	fd, err := o.open()
	if err == nil && fd >= 0 {
		defer unix.Close(fd)
		err = endBy(fd, signalOne)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o, err)
	}
	return nil
}

// Occupants lists the processes in those of the namespaces that are the lab's
// own, as `ip netns pids` does, without the lab's services. A namespace in which
// there is nobody is not looked at closely.
func Occupants(k *Kernel, names []string) ([]Occupant, error) {
	procs, err := elsewhere()
	if err != nil || len(procs) == 0 {
		return nil, err
	}
	services := k.services()
	var out []Occupant
	for _, name := range names {
		dev, ino, err := netns.ID(name)
		inside := procs[room{dev, ino}]
		if err != nil || len(inside) == 0 { // what cannot be opened is nobody's room
			continue
		}
		if own, err := (Namespace{name}).own(k); err != nil || !own {
			continue
		}
		for _, pid := range inside {
			if start, err := startTime(pid); err == nil && !serves(pid, services) {
				out = append(out, Occupant{name, process{pid, start}})
			}
		}
	}
	return out, nil
}

// room is what tells namespaces apart.
type room struct{ dev, ino uint64 }

// elsewhere are the processes in other network namespaces than this one.
func elsewhere() (map[room][]int, error) {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	out := map[room][]int{}
	for _, f := range procs {
		pid, err := strconv.Atoi(f.Name())
		var st unix.Stat_t
		if err == nil && unix.Stat("/proc/"+f.Name()+"/ns/net", &st) == nil { // else it has ended, or is not to be looked at
			out[room{st.Dev, st.Ino}] = append(out[room{st.Dev, st.Ino}], pid)
		}
	}
	var here unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &here); err != nil {
		return nil, err
	}
	delete(out, room{here.Dev, here.Ino})
	return out, nil
}

// serves says whether a process belongs to a service. One that is not written
// down yet ends by itself when its starter was killed.
func serves(pid int, services []int) bool {
	sid, err := unix.Getsid(pid)
	argv := cmdline(pid)
	return err == nil && slices.Contains(services, sid) || len(argv) > 1 && argv[0] == "nslab" && argv[1] == "serve"
}

// services are the processes that the lab has written down. Each leads a
// session, to which also belongs what it starts.
func (k *Kernel) services() []int {
	dir := Service{}.dir(k)
	files, _ := os.ReadDir(dir) // none: no services
	var out []int
	for _, f := range files {
		b, err := os.ReadFile(dir + "/" + f.Name())
		if p, ok := readProcess(b); err == nil && ok && p.alive() {
			out = append(out, p.pid)
		}
	}
	return out
}
