// Package netns makes, opens and enters named network namespaces, the ones
// that `ip netns` shows.
//
// A network namespace belongs to a thread, and Go moves goroutines between
// threads at will. So this package is the only place of nslab that locks
// threads or calls setns(2) and unshare(2), and inside it everything goes
// through one function, onThread. What is run by [NS.Do] is inside; goroutines
// that it starts are not. Sockets remember where they were opened and may be
// used from anywhere afterwards.
package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is where named namespaces live, see ip-netns(8).
const Dir = "/run/netns"

// self is the namespace of the calling thread. /proc/self would be that of the
// thread the process started with.
const self = "/proc/thread-self/ns/net"

// NS is an open network namespace. It must be closed; an open one is kept
// alive by the kernel. It is a bare descriptor: an os.File would ask epoll(7)
// to watch it, which costs as much as entering the namespace.
type NS struct {
	fd   int
	name string
}

// Open opens the namespace called name. The error wraps fs.ErrNotExist when
// there is none. The namespace that the caller is in is refused: whoever asks
// for it by name was deceived by a symlink or a stray bind mount.
func Open(name string) (*NS, error) { return openAnother(name, (*NS).own) }

func openAnother(name string, isOwn func(*NS) (bool, error)) (*NS, error) {
	n, err := open(name)
	if err != nil {
		return nil, err
	}
	own, err := isOwn(n)
	if err == nil && own {
		err = fmt.Errorf("namespace %q %w", name, ErrOwn)
	}
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Current opens the namespace of the calling thread: that of the process, or
// inside [NS.Do] the one that was entered.
func Current() (*NS, error) {
	return openFile(self, 0)
}

func openFile(path string, flags int) (*NS, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &NS{fd, path}, nil
}

// Exists says whether a live network namespace is called name.
func Exists(name string) bool {
	n, err := open(name)
	if err != nil {
		return false
	}
	n.Close()
	return true
}

// ID is what tells the namespace called name from others while it lives. It may
// be the one that the caller is in.
func ID(name string) (dev, ino uint64, err error) {
	n, err := open(name)
	if err != nil {
		return 0, 0, err
	}
	defer n.Close()
	return n.ID()
}

// List returns the names of the live network namespaces, sorted.
func List() ([]string, error) {
	files, err := os.ReadDir(Dir) // sorted
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, f := range files {
		if Exists(f.Name()) {
			names = append(names, f.Name())
		}
	}
	return names, err
}

// Do runs f inside the namespace. Goroutines that f starts run outside.
func (n *NS) Do(f func() error) error {
	return Stay(func(t *Thread) error { return t.Do(n, f) })
}

// Start starts a command inside the namespace. Do not combine it with
// SysProcAttr.Pdeathsig, which watches the thread that started the command.
func (n *NS) Start(cmd *exec.Cmd) error { return n.Do(cmd.Start) }

// Fd is the file descriptor of the namespace, as IFLA_NET_NS_FD wants it.
func (n *NS) Fd() int { return n.fd }

// Close closes the namespace.
func (n *NS) Close() error {
	fd := n.fd
	n.fd = -1
	return unix.Close(fd)
}

// ID is what tells namespaces apart while they live, see namespaces(7).
func (n *NS) ID() (dev, ino uint64, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(n.Fd(), &st); err != nil {
		return 0, 0, fmt.Errorf("fstat %s: %w", n.name, err)
	}
	return st.Dev, st.Ino, nil
}

func (n *NS) enter() error {
	if err := unix.Setns(n.Fd(), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("setns %s: %w", n.name, err)
	}
	return nil
}

// own says whether the calling thread is in n.
func (n *NS) own() (bool, error) {
	dev, ino, err := n.ID()
	if err != nil {
		return false, err
	}
	var st unix.Stat_t
	if err := unix.Stat(self, &st); err != nil {
		return false, fmt.Errorf("stat %s: %w", self, err)
	}
	return st.Dev == dev && st.Ino == ino, nil
}

// open opens whatever live network namespace is called name. O_NONBLOCK is for
// the FIFO that somebody may have put there.
func open(name string) (*NS, error) {
	path, err := pathOf(name)
	if err != nil {
		return nil, err
	}
	n, err := openFile(path, unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link, not a live namespace", path)
	}
	if err != nil {
		return nil, err
	}
	if err := n.live(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// live checks that n is a network namespace: before the bind mount, and after
// a reboot where /run is on a disk, the name is just an empty file.
func (n *NS) live() error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(n.fd, &st); err != nil {
		return fmt.Errorf("statfs %s: %w", n.name, err)
	}
	if st.Type != unix.NSFS_MAGIC {
		return fmt.Errorf("%s %w", n.name, ErrPlain)
	}
	kind, err := unix.IoctlRetInt(n.fd, unix.NS_GET_NSTYPE)
	if err != nil {
		return fmt.Errorf("NS_GET_NSTYPE of %s: %w", n.name, err)
	}
	if kind != unix.CLONE_NEWNET {
		return fmt.Errorf("%s is a namespace, but not one of the network", n.name)
	}
	return nil
}

// ErrOwn says that a name is that of the namespace in which the program runs.
var ErrOwn = errors.New("is the one this program runs in, not a room of its own")

// ErrPlain says that a name is what a crash or a reboot has left of a namespace.
var ErrPlain = errors.New("is a plain file, not a live namespace")

// pathOf keeps a name from leaving Dir.
func pathOf(name string) (string, error) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return "", fmt.Errorf("%q cannot be the name of a namespace: it must be one file name", name)
	}
	return filepath.Join(Dir, name), nil
}
