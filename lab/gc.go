package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nslab/lab/netns"
	"nslab/lab/op"
)

// Orphan is something on this host that nslab has made and that no lab knows:
// the state of its lab is lost. It is known by its mark, never by its name.
type Orphan struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Mark   string `json:"known-by"`
	Lab    string `json:"lab,omitempty"`
	remove func() error
}

// Kinds of orphans, beside those of op.TraceKind.
const (
	OrphanNamespace = string(op.TraceNamespace)
	OrphanLink      = string(op.TraceLink)
	OrphanSetting   = "setting"
	OrphanFile      = "file"
	OrphanState     = "state"
)

// Remove removes it, if it still is what it was and nobody knows it.
func (o Orphan) Remove() error {
	if err := o.remove(); err != nil {
		return fmt.Errorf("%s %s: %w", o.Kind, o.Name, err)
	}
	return nil
}

// Orphans lists what is left on this host of labs that are not kept under dir,
// in the order in which it is best removed. The kernel is read first: a lab
// that is being built is written down before anything of it is there.
func Orphans(dir string) ([]Orphan, error) {
	traces, err := op.Traces(dir)
	if err != nil {
		return nil, err
	}
	var out []Orphan
	known, err := keptUnder(dir)
	if err != nil {
		return nil, err
	}
	for _, t := range traces {
		if known.has(t) {
			continue
		}
		out = append(out, Orphan{Kind: string(t.Kind), Name: t.Name, Mark: t.Mark, Lab: t.Lab, remove: func() error {
			if now, err := keptUnder(dir); err != nil || now.has(t) {
				return err
			}
			return t.Remove()
		}})
	}
	settings, err := lostSettings(dir)
	out = slices.Concat(out, settings, halfMade(dir), halfKept(dir))
	return out, err
}

// kept are the labs under a directory.
type kept struct {
	names  map[string]bool
	groups map[uint32]bool
}

// keptUnder reads which they are. When it fails anything may be known.
func keptUnder(dir string) (kept, error) {
	k := kept{map[string]bool{}, map[uint32]bool{}}
	names, err := List(dir)
	for _, n := range names {
		if knows(dir, n) {
			k.names[n] = true
			k.groups[(&op.Kernel{Lab: n}).Group()] = true
		}
	}
	return k, err
}

// knows says whether the lab called name knows of anything that it has made. A
// journal that cannot be read may know a lot.
func knows(dir, name string) bool {
	if name == GuestDir {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	}
	if !Exists(dir, name) {
		return false
	}
	j, err := readJournal(filepath.Join(dir, name, "journal"))
	return err != nil || len(j.Have) > 0 || j.Open
}

func (k kept) has(t op.Trace) bool { return k.names[t.Lab] || k.groups[t.Group] }

func lostSettings(dir string) ([]Orphan, error) {
	known := func(lab string) bool { return knows(dir, lab) }
	settings, err := op.SysctlTraces(dir, known)
	var out []Orphan
	for _, s := range settings {
		out = append(out, Orphan{
			Kind: OrphanSetting, Name: s.Key, Mark: s.String(), Lab: strings.Join(s.Labs, ","),
			remove: func() error { return s.Remove(known) },
		})
	}
	return out, err
}

// halfMade are the plain files under /run/netns that a journal of ours speaks
// of: what a killed nslab, or a reboot, has left of a namespace.
func halfMade(dir string) []Orphan {
	names, _ := List(dir)
	var out []Orphan
	for _, name := range names {
		j, err := readJournal(filepath.Join(dir, name, "journal"))
		if err != nil {
			continue // a lab that cannot be read is told of by `nslab list`
		}
		for _, s := range j.Have {
			if room := newRoom(s.Op); room != "" && plain(room) {
				out = append(out, Orphan{
					Kind: OrphanFile, Name: filepath.Join(netns.Dir, room), Mark: "the journal of " + name, Lab: name,
					remove: func() error { return removeHalf(dir, name, s.Op) },
				})
			}
		}
	}
	return out
}

// plain says whether a name is an empty file instead of a namespace.
func plain(name string) bool {
	fi, err := os.Lstat(filepath.Join(netns.Dir, name))
	return err == nil && fi.Mode().IsRegular() && fi.Size() == 0 && !netns.Exists(name)
}

// removeHalf does it under the lock of the lab, which may be making it just now.
func removeHalf(dir, name string, o op.Op) error {
	l, err := Open(dir, name)
	if err != nil {
		return err
	}
	if plain(newRoom(o)) {
		err = o.Undo(l.Kernel)
	}
	return errors.Join(err, l.Close())
}

// halfKept are directories of labs that have no journal: nothing was made.
func halfKept(dir string) []Orphan {
	entries, _ := os.ReadDir(dir) // none: nothing is kept
	var out []Orphan
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") || !Begun(dir, e.Name()) {
			continue
		}
		out = append(out, Orphan{Kind: OrphanState, Name: path, Mark: "a directory without a journal", Lab: e.Name(), remove: func() error {
			l, err := Open(dir, e.Name())
			if err != nil {
				return err
			}
			return l.Close() // which forgets a lab that has nothing
		}})
	}
	return out
}

// Tidy puts /run/netns, and the directory of the labs, back to what they were
// before the first lab, once there is none.
func Tidy(dir string) error {
	if names, err := List(dir); err != nil || len(names) > 0 {
		return err
	}
	if err := (op.Names{}).Undo(&op.Kernel{Dir: filepath.Join(dir, ".none")}); err != nil {
		return err
	}
	err := os.Remove(dir) // each only when it is empty
	if dir == StateDir && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		_ = os.Remove(filepath.Dir(dir))
	}
	return nil
}

// NewOrphan is one that somebody else has found.
func NewOrphan(kind, name, mark string, remove func() error) Orphan {
	return Orphan{Kind: kind, Name: name, Mark: mark, remove: remove}
}
