package discover

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"nslab/lab/netns"
	"nslab/topology"
)

const (
	maxName = 32 // of a node of a lab file
	maxDev  = 15 // of an interface, IFNAMSIZ - 1
)

// nameAll gives every namespace a name that a lab file takes, by which no other
// node is called: not even when capitals do not count, and no bridge either. All
// but our own are then in the order of their names.
func (m *Machine) nameAll() {
	slices.SortFunc(m.Namespaces[1:], func(a, b *Namespace) int {
		return cmp.Or(cmp.Compare(a.known(), b.known()), cmp.Compare(a.Inode, b.Inode))
	})
	taken := map[string]bool{}
	for _, n := range m.Namespaces {
		for _, i := range n.Interfaces {
			if i.isSwitch() {
				taken[strings.ToLower(i.Name)] = true
			}
		}
	}
	for i, n := range m.Namespaces {
		if i == 0 {
			n.Name = topology.Host
			taken[n.Name] = true
			continue
		}
		n.Name = unique(taken, clean(n.known(), maxName, "ns"), maxName)
	}
	for _, n := range m.Namespaces {
		for i, r := range n.Shared {
			n.Shared[i].Name = unique(taken, clean(r.Name, maxName, "ns"), maxName)
		}
	}
}

// known is what people call the namespace: as ip-netns(8) does, as its container
// is called, as somebody else's ip-netns does, or by its first process.
func (n *Namespace) known() string {
	var elsewhere, mounted string
	for _, p := range n.Paths {
		switch dir, base := filepath.Split(p); {
		case dir == netns.Dir+"/" && n.Container == nil:
			return base
		case strings.HasSuffix(dir, netns.Dir+"/"):
			elsewhere = cmp.Or(elsewhere, base)
		default:
			mounted = cmp.Or(mounted, base)
		}
	}
	switch {
	case n.Container != nil:
		return n.Container.Name
	case elsewhere != "":
		return elsewhere
	case len(n.Processes) > 0:
		return fmt.Sprintf("%s-%d", n.Processes[0].Comm, n.Processes[0].Pid)
	case mounted != "":
		return mounted
	}
	return fmt.Sprintf("ns-%d", n.Inode)
}

// clean makes a foreign text a name of the grammar, with a word before it where
// it does not begin with a letter.
func clean(s string, most int, word string) string {
	s = strings.Map(func(r rune) rune {
		if r < 128 && (letter(r) || '0' <= r && r <= '9' || r == '_' || r == '-') {
			return r
		}
		return '-'
	}, s)
	if s == "" || !letter(rune(s[0])) {
		s = strings.TrimRight(word+"-"+strings.TrimLeft(s, "-"), "-")
	}
	return s[:min(len(s), most)]
}

func letter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// unique returns the name, with a number behind it where it is taken, and takes it.
func unique(taken map[string]bool, name string, most int) string {
	free := name
	for n := 2; taken[strings.ToLower(free)]; n++ {
		tail := fmt.Sprintf("-%d", n)
		free = name[:min(len(name), most-len(tail))] + tail
	}
	taken[strings.ToLower(free)] = true
	return free
}
