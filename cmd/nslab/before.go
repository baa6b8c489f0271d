package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab"
	"nslab/lab/proof"
	"nslab/lab/sandbox"
)

// proving is the print of the machine from before a lab was begun, kept in a
// file beside the lab. The nil one does nothing.
type proving struct {
	path  string // of the file
	scope proof.Scope
	Lab   string      `json:"lab"`
	Taken time.Time   `json:"taken"`
	Print proof.Print `json:"print"`
}

// machineProof is for a lab on this host.
func machineProof(name string) *proving {
	dir := filepath.Dir(lab.StateDir)
	return &proving{Lab: name, path: filepath.Join(dir, name+".before.json"), scope: scopeOf(name, dir, lab.StateDir)}
}

// sandboxProof is for a lab in a sandbox: the machine is what is around it.
func sandboxProof(name string) (*proving, error) {
	root, err := sandbox.Root()
	if err != nil {
		return nil, err
	}
	return &proving{Lab: name, path: filepath.Join(root, name+".before.json"), scope: scopeOf(name, root)}, nil
}

// proofOf is for a lab that may stand here or in a sandbox.
func proofOf(name string) (*proving, error) {
	if here(name) {
		return machineProof(name), nil
	}
	return sandboxProof(name)
}

func scopeOf(name string, state ...string) proof.Scope {
	return proof.Scope{State: state, Ours: func(n string) bool { return n == name }}
}

func (pr *proving) take(ctx context.Context) (err error) {
	pr.Taken = time.Now()
	pr.Print, err = proof.Take(ctx, pr.scope)
	return err
}

// keep writes the print down. The directory is there: it is that of the lab's state.
func (pr *proving) keep() error {
	if pr == nil {
		return nil
	}
	if err := pr.drop(); err != nil { // of a lab that was killed
		return err
	}
	f, err := os.OpenFile(pr.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(f).Encode(pr), f.Close())
}

// dropUnless removes the print again when nothing came of the lab.
func (pr *proving) dropUnless(l *lab.Lab) {
	if pr != nil && len(l.Journal.Have) == 0 && !l.Journal.Open {
		_ = pr.drop() // the next print takes its place
	}
}

func (pr *proving) drop() error {
	if pr == nil {
		return nil
	}
	if err := os.Remove(pr.path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	// The file may have been all that a dead sandbox left.
	for dir := filepath.Dir(pr.path); os.Remove(dir) == nil && filepath.Base(dir) == "sandboxes"; {
		dir = filepath.Dir(dir)
	}
	return nil
}

// load reads the print, and says whether there is one.
func (pr *proving) load() (bool, error) {
	f, err := os.OpenFile(pr.path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if err := json.NewDecoder(f).Decode(pr); err != nil {
		return false, fmt.Errorf("%s: %w", pr.path, err)
	}
	return true, nil
}
