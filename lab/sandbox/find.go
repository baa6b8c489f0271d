package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Find returns the living sandbox called name. The error wraps fs.ErrNotExist
// when there is none; what a dead one left is removed.
func Find(name string) (*Sandbox, error) {
	p, err := at(name)
	if err != nil {
		return nil, err
	}
	return p.find(patience)
}

func (p place) find(wait time.Duration) (*Sandbox, error) {
	lock, s, err := p.claim(false, wait, nil)
	if errors.Is(err, fs.ErrNotExist) {
		p.abandon()
		return nil, fmt.Errorf("sandbox %q: %w", p.name, fs.ErrNotExist)
	}
	if err != nil || s != nil {
		return s, err
	}
	defer lock.Close()
	if err := p.clear(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("sandbox %q: %w", p.name, fs.ErrNotExist)
}

// List returns the living sandboxes of this user by name. One that is being
// started is not among them.
func List() ([]*Sandbox, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	files, err := os.ReadDir(root) // sorted
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []*Sandbox
	for _, f := range files {
		p, err := at(f.Name())
		if err != nil {
			continue // not ours: no sandbox has such a name
		}
		s, ferr := p.find(0)
		if ferr == nil {
			all = append(all, s)
		}
	}
	return all, nil
}

// Look returns the living sandboxes of this user and the names of the dead, both
// by name, and leaves everything as it is. Find removes a dead one.
func Look() (alive []*Sandbox, dead []string, err error) {
	root, err := Root()
	if err != nil {
		return nil, nil, err
	}
	files, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	for _, f := range files {
		p, err := at(f.Name())
		if err != nil || !f.IsDir() {
			continue // not ours: no sandbox has such a name
		}
		if s := p.living(); s != nil {
			alive = append(alive, s)
		} else if Dead(f.Name()) {
			dead = append(dead, f.Name())
		}
	}
	return alive, dead, err
}
