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
// own, as `ip netns pids` does, without the lab's services.
func Occupants(k *Kernel, names []string) ([]Occupant, error) {
	rooms := k.ownRooms(names)
	if len(rooms) == 0 {
		return nil, nil
	}
	services := k.services()
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []Occupant
	for _, f := range procs {
		pid, err := strconv.Atoi(f.Name())
		if err != nil {
			continue
		}
		var st unix.Stat_t
		if unix.Stat("/proc/"+f.Name()+"/ns/net", &st) != nil { // ended, or not to be looked at
			continue
		}
		room := rooms[[2]uint64{st.Dev, st.Ino}]
		if start, err := startTime(pid); room != "" && err == nil && !serves(pid, services) {
			out = append(out, Occupant{room, process{pid, start}})
		}
	}
	return out, nil
}

// serves says whether a process belongs to a service. One that is not written
// down yet ends by itself when its starter was killed.
func serves(pid int, services []int) bool {
	sid, err := unix.Getsid(pid)
	argv := cmdline(pid)
	return err == nil && slices.Contains(services, sid) || len(argv) > 1 && argv[0] == "nslab" && argv[1] == "serve"
}

// ownRooms are the namespaces of these names that the lab made, by what tells
// them apart. What cannot be opened is nobody's room.
func (k *Kernel) ownRooms(names []string) map[[2]uint64]string {
	rooms := map[[2]uint64]string{}
	for _, name := range names {
		own, err := Namespace{name}.own(k)
		if err != nil || !own {
			continue
		}
		n, err := netns.Open(name)
		if err != nil {
			continue
		}
		if dev, ino, err := n.ID(); err == nil {
			rooms[[2]uint64{dev, ino}] = name
		}
		n.Close()
	}
	return rooms
}

// services are the processes that the lab has written down. Each leads a
// session, to which also belongs what it starts.
func (k *Kernel) services() []int {
	dir := Service{}.dir(k)
	files, _ := os.ReadDir(dir) // none: no services
	var out []int
	for _, f := range files {
		b, err := os.ReadFile(dir + "/" + f.Name())
		var p process
		if _, serr := fmt.Sscanf(string(b), "%d %d\n", &p.pid, &p.start); err == nil && serr == nil && p.alive() {
			out = append(out, p.pid)
		}
	}
	return out
}
