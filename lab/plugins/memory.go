package plugins

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"nslab/lab/flock"
)

// What this runtime has attached stands in two places. begun has it from before
// ADD to after DEL, so that a runtime that was killed between finds it; results,
// which libcni keeps, has what ADD has answered, for DEL and CHECK.

func (r Runtime) file(n *Network, a Attachment) string {
	return filepath.Join(r.dir(), "begun", n.Name+"-"+a.ID+"-"+a.IfName)
}

// record is a file of begun.
type record struct {
	Network    string
	Attachment Attachment
}

// Has says whether something of an attachment may be there.
func (r Runtime) Has(n *Network, a Attachment) bool {
	_, err := os.Stat(r.file(n, a))
	return err == nil
}

// begin writes an attachment down.
func (r Runtime) begin(n *Network, a Attachment) error {
	text, err := json.Marshal(record{n.Name, a})
	if err != nil {
		return err
	}
	path := r.file(n, a)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path+"~", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+"~", path)
}

// forget strikes an attachment out. Directories go with the last one.
func (r Runtime) forget(n *Network, a Attachment) error {
	if err := os.Remove(r.file(n, a)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// attached lists what is written down for a network.
func (r Runtime) attached(n *Network) []Attachment {
	files, _ := filepath.Glob(filepath.Join(r.dir(), "begun", "*[^~]"))
	var out []Attachment
	for _, f := range files {
		var x record
		if text, err := os.ReadFile(f); err == nil && json.Unmarshal(text, &x) == nil && x.Network == n.Name {
			out = append(out, x.Attachment)
		}
	}
	return out
}

// locked runs f while no other nslab of this machine calls plugins: the
// specification forbids two commands for one container at a time, and GC beside
// anything. The lock is the directory, which goes when it is empty.
func (r Runtime) locked(f func() error) error {
	lock, err := r.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	err = f()
	for _, d := range []string{"begun", "results", ".", ".."} {
		_ = os.Remove(filepath.Join(r.dir(), d)) // only when it is empty
	}
	return err
}

func (r Runtime) lock() (*os.File, error) {
	for {
		if err := os.MkdirAll(r.dir(), 0o700); err != nil {
			return nil, err
		}
		f, err := os.Open(r.dir())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := flock.Lock(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if flock.Stands(f, r.dir()) {
			return f, nil
		}
		f.Close() // removed meanwhile: nobody's any more
	}
}
