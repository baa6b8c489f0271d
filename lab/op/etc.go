package op

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"nslab/topology"
)

// EtcDir is where ip-netns(8) looks for the files of a namespace.
const EtcDir = "/etc/netns"

// etcFile is a file that `ip netns exec` puts in the place of the one of that
// name in /etc; that of the lab's host is the one in /etc.
type etcFile struct{ ns, name, text string }

func (f etcFile) path() string {
	if f.ns == topology.Host {
		return filepath.Join("/etc", f.name)
	}
	return filepath.Join(EtcDir, f.ns, f.name)
}

// without is the command after which the file says nothing of the lab. The
// host's own is never removed, but left with what little is true of every host.
func (f etcFile) without(little string) Command {
	if f.ns == topology.Host {
		return Write(f.path(), little)
	}
	return Remove(f.path())
}

// noFile is the answer of before when there was none.
const noFile = "-"

// plain refuses to go through a symbolic link: what it leads to is not the
// namespace's. The files of the host are as the machine has them.
func (f etcFile) plain() error {
	if f.ns == topology.Host {
		return nil
	}
	for _, path := range []string{EtcDir, filepath.Dir(f.path()), f.path()} {
		fi, err := os.Lstat(path)
		if err == nil && fi.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is a symbolic link, which nslab does not follow: remove it, or choose another name than %s", path, f.ns)
		}
	}
	return nil
}

// before is the file as it was.
func (f etcFile) before() (string, error) {
	if err := f.plain(); err != nil {
		return "", err
	}
	b, err := os.ReadFile(f.path())
	if errors.Is(err, fs.ErrNotExist) {
		return noFile, nil
	}
	return string(b), err
}

func (f etcFile) write(k *Kernel) error {
	if err := f.plain(); err != nil {
		return err
	}
	if err := f.makeDirs(k); err != nil {
		return err
	}
	return replaceFile(k, f.path(), f.text)
}

// restore puts the old file back, or takes the file away, and the directories
// that the lab made for it, unless somebody else has written it since.
func (f etcFile) restore(k *Kernel, was string) error {
	if f.plain() != nil {
		return nil // somebody has put a link in the place of ours
	}
	_ = os.Remove(f.path() + half) // of one that was killed; most have none
	now, err := os.ReadFile(f.path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.removeDirs(k)
	case err != nil || string(now) != f.text:
		return gone(err)
	case was != "" && was != noFile:
		return replaceFile(k, f.path(), was)
	}
	if err := k.Around("remove", f.path(), func() error { return os.Remove(f.path()) }); err != nil {
		return gone(err)
	}
	return f.removeDirs(k)
}

func (f etcFile) diff() (string, error) {
	if err := f.plain(); err != nil {
		return err.Error(), nil
	}
	b, err := os.ReadFile(f.path())
	if err != nil {
		return missing(f.path(), err)
	}
	if string(b) != f.text {
		return f.path() + " says something else", nil
	}
	return "", nil
}

// half is at the end of the name of a file that is being written.
const half = ".nslab"

// replaceFile writes a file so that nobody reads half of it. What something is
// mounted on, or a symbolic link leads to, can only be written in place.
func replaceFile(k *Kernel, path, text string) error {
	fi, err := os.Lstat(path)
	if err == nil && !fi.Mode().IsRegular() {
		return writeFile(k, path, text)
	}
	tmp := path + half
	if err := writeFile(k, tmp, text); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(os.Remove(tmp), writeFile(k, path, text))
	}
	return nil
}

// ownDir is a directory that a lab may have to make. The mark, written ahead,
// says that it did: one that was there before stays, also when it is empty.
type ownDir struct{ path, mark string }

// dirs are the directories of a file, the outermost first. EtcDir belongs to
// all labs together: the last one takes it along.
func (f etcFile) dirs(k *Kernel) []ownDir {
	if f.ns == topology.Host {
		return nil
	}
	return []ownDir{
		{EtcDir, filepath.Join(filepath.Dir(k.Dir), ".etc-netns-made")},
		{filepath.Join(EtcDir, f.ns), filepath.Join(k.Dir, EtcMark+f.ns)},
	}
}

// EtcMark begins the names of the files in Kernel.Dir that say which
// directories of EtcDir the lab has made.
const EtcMark = "etc-netns-"

func (d ownDir) make() error {
	if _, err := os.Stat(d.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(d.mark, nil, 0o600); err != nil {
		return err
	}
	return os.Mkdir(d.path, 0o755)
}

// makeDirs makes the directories that are missing. Until the lab's own is in it,
// another lab may take the one for all along.
func (f etcFile) makeDirs(k *Kernel) error {
	dirs := f.dirs(k)
	if dirs == nil {
		return nil
	}
	return k.alone(func() error {
		for _, d := range dirs {
			if err := k.Around("make", d.path, d.make); err != nil {
				return err
			}
		}
		return nil
	})
}

// removeDirs removes the directories that are ours when they are empty: other
// files may still be there.
func (f etcFile) removeDirs(k *Kernel) error {
	dirs := f.dirs(k)
	if dirs == nil {
		return nil
	}
	return gone(k.alone(func() error {
		for _, d := range slices.Backward(dirs) {
			if err := d.remove(k); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (d ownDir) remove(k *Kernel) error {
	if _, err := os.Lstat(d.mark); err != nil {
		return gone(err) // it is somebody else's
	}
	err := k.Around("remove", d.path, func() error { return os.Remove(d.path) })
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EBUSY) { // somebody has mounted something there
		return nil
	}
	if _, serr := os.Lstat(d.path); err != nil && !errors.Is(serr, fs.ErrNotExist) {
		return err // where nobody may write, not even what is not there can be removed
	}
	return gone(os.Remove(d.mark))
}
