package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Root is the directory that holds the state of this user's sandboxes, while
// there are any. One that others could write to, or that is not a directory at
// all, is refused.
func Root() (string, error) {
	dir := rootDir(Rooted(), os.Getenv("XDG_RUNTIME_DIR"))
	for _, d := range rootPath(dir) {
		if err := ours(d, os.Geteuid()); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return dir, nil
			}
			return "", err
		}
	}
	return dir, nil
}

// rootPath is what nslab makes of the way to the root, outermost first.
func rootPath(root string) []string {
	if Rooted() {
		return []string{filepath.Dir(root), root}
	}
	return []string{root}
}

// makeRoot makes the root, for this user alone.
func (p place) makeRoot() error {
	for _, d := range rootPath(filepath.Dir(p.dir)) {
		if err := p.points.before("make " + d); err != nil {
			return err
		}
		if err := private(d); err != nil {
			return err
		}
	}
	return nil
}

// dropRoot removes the root when the last sandbox has left it: a machine keeps
// nothing of nslab.
func dropRoot(root string) {
	sweep(root)
	for _, dir := range slices.Backward(rootPath(root)) {
		err := unix.Rmdir(dir)
		if err != nil && !errors.Is(err, unix.ENOENT) { // who made the outer one may have been killed then
			return
		}
	}
}

// rootOfRoot is where root's sandboxes are.
const rootOfRoot = "/run/nslab/sandboxes"

// rootDir prefers the user's runtime directory, which goes away with the last
// login, as the XDG base directory specification has it.
func rootDir(rooted bool, xdg string) string {
	if rooted {
		return rootOfRoot
	}
	uid, _ := Account()
	id := strconv.Itoa(uid)
	for _, dir := range []string{xdg, "/run/user/" + id} {
		if filepath.IsAbs(dir) && ours(dir, os.Geteuid()) == nil {
			return filepath.Join(dir, "nslab")
		}
	}
	return "/tmp/nslab-" + id
}

// private makes dir, or checks the one that is there.
func private(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		return os.Chmod(dir, 0o700) // whatever the umask is
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return ours(dir, os.Geteuid())
}

// ours checks that dir is a directory that only uid can look into or change.
func ours(dir string, uid int) error {
	fi, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	const remedy = "; nslab keeps its state there and will not use it: remove it and try again"
	switch st, ok := fi.Sys().(*syscall.Stat_t); {
	case !fi.IsDir():
		return fmt.Errorf("%s is a %s, not a directory"+remedy, dir, kind(fi.Mode()))
	case !ok || int(st.Uid) != uid:
		return fmt.Errorf("%s belongs to user %d, not to %d"+remedy, dir, st.Uid, uid)
	case fi.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s has mode %04o, so that others can get in, want 0700"+remedy, dir, fi.Mode().Perm())
	}
	return nil
}

func kind(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	case m&fs.ModeNamedPipe != 0:
		return "FIFO"
	case m.IsRegular():
		return "file"
	}
	return "special file"
}

// place is the directory of one sandbox.
type place struct {
	name, dir string
	points    points
}

func at(name string) (place, error) {
	if err := checkName(name); err != nil {
		return place{}, err
	}
	root, err := Root()
	if err != nil {
		return place{}, err
	}
	return place{name: name, dir: filepath.Join(root, name)}, nil
}

func (p place) lock() string  { return filepath.Join(p.dir, "lock") }
func (p place) state() string { return filepath.Join(p.dir, "holder.json") }

// maxName is the longest hostname, see uname(2).
const maxName = 64

// ErrName says that a name can be that of no sandbox.
var ErrName = errors.New("cannot be the name of a sandbox")

func checkName(name string) error {
	bad := func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
	}
	if name == "" || len(name) > maxName || name[0] == '.' || name[0] == '-' || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q %w: want up to %d letters, digits, '-', '_' and '.'", name, ErrName, maxName)
	}
	return nil
}
