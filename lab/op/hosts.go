package op

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"nslab/topology"
)

// Hosts is the fact that a namespace knows names: the file that
// `ip netns exec` puts in the place of /etc/hosts.
type Hosts struct {
	NS    string
	Lines string // "172.17.0.2 web\n..."
}

// localLines stand in every hosts file; Hosts adds its own below.
const localLines = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"

// EtcDir is where ip-netns(8) looks for the files of a namespace.
const EtcDir = "/etc/netns"

func (f Hosts) path() string {
	if f.NS == topology.Host {
		return "/etc/hosts"
	}
	return filepath.Join(EtcDir, f.NS, "hosts")
}

func (f Hosts) text() string { return localLines + f.Lines }

// Answers of Before when there was no file.
const (
	noFile  = "-"
	onlyDir = "-/" // but its directory
)

// Before is the file as it was.
func (f Hosts) Before(*Kernel) (string, error) {
	b, err := os.ReadFile(f.path())
	if !errors.Is(err, fs.ErrNotExist) {
		return string(b), err
	}
	if _, err := os.Stat(filepath.Dir(f.path())); err == nil {
		return onlyDir, nil
	}
	return noFile, nil
}

// Do writes the file.
func (f Hosts) Do(k *Kernel) error {
	if err := f.makeDir(k); err != nil {
		return err
	}
	return replaceFile(f.path(), f.text())
}

// made is where labs write down, all together, that EtcDir is theirs.
func (f Hosts) made(k *Kernel) string {
	return filepath.Join(filepath.Dir(k.Dir), ".etc-netns-made")
}

func (f Hosts) makeDir(k *Kernel) error {
	if f.NS == topology.Host {
		return nil
	}
	if _, err := os.Stat(EtcDir); errors.Is(err, fs.ErrNotExist) && k.Dir != "" {
		if err := os.WriteFile(f.made(k), nil, 0o600); err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Dir(f.path()), 0o755)
}

// replaceFile writes a file so that nobody reads half of it. What something is
// mounted on, or a symbolic link leads to, can only be written in place.
func replaceFile(path, text string) error {
	fi, err := os.Lstat(path)
	if err == nil && !fi.Mode().IsRegular() {
		return os.WriteFile(path, []byte(text), 0o644)
	}
	tmp := path + ".nslab"
	if err := os.WriteFile(tmp, []byte(text), 0o644); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(os.Remove(tmp), os.WriteFile(path, []byte(text), 0o644))
	}
	return nil
}

// Undo puts the old file back, or takes the file away, and the directories that
// were not there before, unless somebody else has written it since.
func (f Hosts) Undo(k *Kernel) error {
	was := k.was(f)
	now, err := os.ReadFile(f.path())
	switch {
	case errors.Is(err, fs.ErrNotExist) && was == noFile:
		f.removeDirs(k)
		return nil
	case err != nil || string(now) != f.text():
		return gone(err)
	case was != "" && was != noFile && was != onlyDir:
		return replaceFile(f.path(), was)
	}
	if err := os.Remove(f.path()); err != nil {
		return gone(err)
	}
	if was != onlyDir {
		f.removeDirs(k)
	}
	return nil
}

// removeDirs removes the directories when they are empty: others may keep
// files there.
func (f Hosts) removeDirs(k *Kernel) {
	if f.NS == topology.Host {
		return
	}
	_ = os.Remove(filepath.Dir(f.path()))
	if _, err := os.Stat(f.made(k)); k.Dir != "" && err != nil {
		return // it is somebody else's
	}
	if err := os.Remove(EtcDir); err == nil || errors.Is(err, fs.ErrNotExist) {
		_ = os.Remove(f.made(k))
	}
}

// Diff compares the file.
func (f Hosts) Diff(*Kernel) (string, error) {
	b, err := os.ReadFile(f.path())
	if err != nil {
		return missing(f.path(), err)
	}
	if string(b) != f.text() {
		return f.path() + " says something else", nil
	}
	return "", nil
}

// Command writes the file with the shell's own printf.
func (f Hosts) Command() Command { return Write(f.path(), f.text()) }

// Inverse leaves a file with what stands in every one: a script does not remove
// files.
func (f Hosts) Inverse() Command { return Write(f.path(), localLines) }

func (f Hosts) String() string {
	return fmt.Sprintf("%s knows %s", f.NS, strings.Join(strings.Split(strings.TrimSpace(f.Lines), "\n"), ", "))
}

// On is the namespace, for order only: the file itself has to be removed.
func (f Hosts) On() []Object { return nil }
