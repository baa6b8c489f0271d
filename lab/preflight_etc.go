package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"nslab/lab/op"
)

// files refuses the name of a namespace for which somebody has laid files ready
// in /etc/netns: every `ip netns exec` into the lab's would use them, and a
// symbolic link may lead anywhere on this machine.
func (m *machine) files(_ wanted, s Step) *Collision {
	name := newRoom(s.Op)
	what := m.etc[name]
	if name == "" || what == "" {
		return nil
	}
	path := filepath.Join(op.EtcDir, name)
	return &Collision{
		s.Pos, fmt.Sprintf("%s %s, and `ip netns exec %s` would use it", path, what, name),
		[]string{"choose another name, or rm -r " + path + " if nobody needs it", inSandbox},
	}
}

// readEtc says what somebody has put into /etc/netns for each name. A directory
// without files does nothing.
func readEtc() map[string]string {
	out := map[string]string{}
	entries, _ := os.ReadDir(op.EtcDir) // none: nobody has
	for _, e := range entries {
		switch {
		case e.Type()&os.ModeSymlink != 0:
			out[e.Name()] = "is a symbolic link, which nslab does not follow"
		case !e.IsDir():
			out[e.Name()] = "is no directory"
		default:
			if files := filesOf(filepath.Join(op.EtcDir, e.Name())); files != "" {
				out[e.Name()] = "holds files of somebody else (" + files + ")"
			}
		}
	}
	return out
}

func filesOf(dir string) string {
	entries, _ := os.ReadDir(dir) // none that we may see
	var names []string
	for _, e := range entries {
		name := e.Name()
		if e.Type()&os.ModeSymlink != 0 {
			name += ", a symbolic link"
		}
		names = append(names, name)
	}
	return strings.Join(names, "; ")
}
