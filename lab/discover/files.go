package discover

import (
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
	"nslab/lab/op"
)

// Files are those by which whoever is in a namespace knows names: hosts(5) and
// resolv.conf(5), as `ip netns exec` or a container runtime puts them there.
type Files struct {
	OwnHosts    bool         `json:"own-hosts,omitempty"` // there is a hosts file
	Hosts       []HostLine   `json:"hosts,omitempty"`     // but those that every hosts file has
	Nameservers []netip.Addr `json:"nameservers,omitempty"`
	Search      []string     `json:"search,omitempty"`
	Options     []string     `json:"options,omitempty"`
}

// HostLine is a line of hosts(5).
type HostLine struct {
	Address netip.Addr `json:"address"`
	Names   []string   `json:"names"`
}

// Room is a further name of a namespace: Docker's `--network container:web`, or
// a second name of ip-netns(8). Its files are its own.
type Room struct {
	Name string `json:"name"`
	Files
}

// readFiles reads the files of all who share the namespace.
func (n *Namespace) readFiles(proc string) {
	names := n.netnsNames()
	if n.Container != nil {
		n.Files = n.Container.files(proc)
	} else if slices.Contains(names, n.known()) && !n.own {
		n.Files = filesIn(filepath.Join(op.EtcDir, n.known()))
	}
	for _, c := range n.others {
		n.Shared = append(n.Shared, Room{c.Name, c.files(proc)})
	}
	for _, name := range names { // a runtime's own name of its namespace is no other room
		if n.own || n.Container == nil && name != n.known() {
			n.Shared = append(n.Shared, Room{name, filesIn(filepath.Join(op.EtcDir, name))})
		}
	}
}

// netnsNames are the names that ip-netns(8) has here for the namespace.
func (n *Namespace) netnsNames() []string {
	var out []string
	for _, p := range n.Paths {
		if name, ok := strings.CutPrefix(p, netns.Dir+"/"); ok && !strings.Contains(name, "/") {
			out = append(out, name)
		}
	}
	return out
}

func (c *Container) files(proc string) Files {
	if c.pid == 0 {
		return Files{}
	}
	return filesIn(filepath.Join(proc, strconv.Itoa(c.pid), "root/etc"))
}

func filesIn(dir string) Files {
	var f Files
	for words := range lines(filepath.Join(dir, "hosts")) {
		f.OwnHosts = true
		addr, err := netip.ParseAddr(words[0])
		if err == nil && len(words) > 1 && !everywhere(addr) {
			f.Hosts = append(f.Hosts, HostLine{addr, words[1:]})
		}
	}
	for words := range lines(filepath.Join(dir, "resolv.conf")) {
		addr, err := netip.ParseAddr(words[len(words)-1])
		switch {
		case words[0] == "nameserver" && err == nil:
			f.Nameservers = append(f.Nameservers, addr)
		case words[0] == "search" || words[0] == "domain":
			f.Search = words[1:]
		case words[0] == "options":
			f.Options = append(f.Options, words[1:]...)
		}
	}
	return f
}

// maxFile bounds what is read of a file that anybody may have written, in bytes.
const maxFile = 64 << 10

// lines goes through those of a file that say something, word by word. What
// cannot be read has none; nor has what is no plain file, for a container may
// have put anything there.
func lines(path string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err != nil {
			return
		}
		defer f.Close()
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return
		}
		b, _ := io.ReadAll(io.LimitReader(f, maxFile)) // what came before a mistake is good
		for line := range strings.Lines(string(b)) {
			line, _, _ = strings.Cut(line, "#")
			if words := strings.Fields(line); len(words) > 0 && !yield(words) {
				return
			}
		}
	}
}

// everywhere says whether every hosts file has a line of that address.
func everywhere(a netip.Addr) bool {
	return a.IsLoopback() || a.IsMulticast() || a == netip.MustParseAddr("fe00::") || a == netip.MustParseAddr("ff00::")
}
