package netns

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Name is the name by which ip(8) knows the namespace of a name or a path; known
// is false for a path elsewhere than in [Dir].
func Name(place string) (name string, known bool) {
	name = place
	for _, dir := range []string{Dir, "/var/run/netns"} {
		if in, found := strings.CutPrefix(place, dir+"/"); found {
			name = in
		}
	}
	_, err := pathOf(name)
	return name, err == nil
}

// OpenPath opens the namespace that a file stands for, wherever it is: that of
// a process, /proc/PID/ns/net, or one that a container runtime has mounted. The
// error wraps fs.ErrNotExist when there is none. The namespace that the caller
// is in is refused, as [Open] does.
func OpenPath(path string) (*NS, error) {
	n, err := openFile(path, unix.O_NONBLOCK)
	if err != nil {
		return nil, err
	}
	if err := n.another(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// another checks that n is a live network namespace, and not the caller's own.
func (n *NS) another() error {
	if err := n.live(); err != nil {
		return err
	}
	own, err := n.own()
	if err == nil && own {
		err = fmt.Errorf("%s is the namespace that this program runs in", n.name)
	}
	return err
}
