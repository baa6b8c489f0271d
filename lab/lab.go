package lab

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"nslab/lab/op"
)

// StateDir is where a machine keeps what it knows of its labs; the private
// /run of a sandbox has one of its own.
const StateDir = "/run/nslab/labs"

// GuestDir is the directory beside those of the labs in which lab/cni keeps what
// its attachments share. It is there as long as there is one.
const GuestDir = ".cni"

// Lab is a topology that is built, partly built, or about to be. It is locked
// against every other nslab until Close.
type Lab struct {
	Name    string
	Kernel  *op.Kernel
	Journal *Journal
	dir     string
	lock    *os.File
}

// Open locks the lab called name under dir and reads its journal. It makes the
// lab's directory when there is none: see Exists.
func Open(dir, name string) (*Lab, error) { return OpenContext(context.Background(), dir, name) }

// OpenContext is Open that stops waiting for the lock when ctx ends.
func OpenContext(ctx context.Context, dir, name string) (*Lab, error) {
	return open(ctx, &op.Kernel{Lab: name, Dir: filepath.Join(dir, name)})
}

// open is OpenContext for a Kernel whose points it has.
func open(ctx context.Context, k *op.Kernel) (*Lab, error) {
	l := &Lab{Name: k.Lab, Kernel: k, dir: k.Dir}
	if err := k.Around("make", l.dir, func() error { return ownDir(l.dir) }); err != nil {
		return nil, err
	}
	err := k.Around("lock", l.dir, func() (err error) {
		l.lock, err = lockFile(ctx, filepath.Join(l.dir, "lock"))
		return err
	})
	if err == nil {
		err = k.Around("open", l.journal(), l.read)
	}
	if err != nil {
		return nil, errors.Join(err, l.unlock())
	}
	return l, nil
}

// read opens the journal.
func (l *Lab) read() (err error) {
	if l.Journal, err = openJournal(l.journal()); err != nil {
		return err
	}
	l.Kernel.Was, l.Journal.kernel = l.Journal.Was, l.Kernel
	return nil
}

// unlock lets others have the lab, of which not everything need be open.
func (l *Lab) unlock() (err error) {
	if l.Journal != nil {
		err = l.Journal.close()
	}
	if l.lock != nil {
		err = errors.Join(err, l.lock.Close())
	}
	return err
}

// Exists says whether a lab of that name is kept under dir.
func Exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name, "journal"))
	return err == nil && filepath.Base(name) == name
}

// Missing says whether surely no lab of that name is kept under dir: unlike
// where Exists says no, somebody could look.
func Missing(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name, "journal"))
	return errors.Is(err, fs.ErrNotExist)
}

// Begun says whether somebody has begun to make a lab of that name under dir,
// and got no further than its directory.
func Begun(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil && filepath.Base(name) == name && !Exists(dir, name)
}

func (l *Lab) journal() string { return filepath.Join(l.dir, "journal") }

// Close lets others have the lab. A lab of which nothing is left is forgotten.
func (l *Lab) Close() error {
	var err error
	if len(l.Journal.Have) == 0 && !l.Journal.Open {
		err = l.forget()
	}
	return errors.Join(err, l.unlock())
}

// forget removes exactly the files that nslab keeps for a lab, the lock last: the
// next one to have it may write the same files. Where a namespace could not be
// removed at first, its directory had to stay as it was until now.
func (l *Lab) forget() error {
	if err := (op.Names{}).Undo(l.Kernel); err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(l.dir, "services"))                         // empty: a service takes its files with it
	marks, _ := filepath.Glob(filepath.Join(l.dir, op.EtcMark+"[a-zA-Z]*")) // of directories that others keep something in; the pattern is good
	for _, mark := range marks {
		_ = os.Remove(mark)
	}
	for _, name := range []string{"journal", "journal.new", "source.json", "source.json.new", "lock"} {
		path := filepath.Join(l.dir, name)
		err := l.Kernel.Around("remove", path, func() error { return os.Remove(path) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if os.Remove(l.dir) != nil { // others keep something there
		return nil
	}
	return Tidy(filepath.Dir(l.dir))
}

// Summary is what `nslab list` says of a lab.
type Summary struct {
	Name  string `json:"name"`
	Step  string `json:"step"`
	Facts int    `json:"facts"`
	Half  bool   `json:"half-done"` // a change was begun and not finished
}

// Summarize reads the summary of the lab called name under dir without locking it.
func Summarize(dir, name string) (Summary, error) {
	j, err := readJournal(filepath.Join(dir, name, "journal"))
	if err != nil {
		return Summary{}, err
	}
	return Summary{Name: name, Step: j.At, Facts: len(j.Have), Half: j.Open}, nil
}

// List returns the names of the labs kept under dir.
func List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if Exists(dir, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, err
}
