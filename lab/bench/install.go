package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// piece is how much of a program is written at once.
const piece = 1 << 20

// install copies the programs to be measured into dir.
func (o *options) install(dir string) error {
	for _, p := range []*string{&o.nslab, &o.floor} {
		b, err := os.ReadFile(*p)
		if err != nil {
			return err
		}
		*p = filepath.Join(dir, filepath.Base(*p))
		if err := os.WriteFile(*p, b, 0o755); err != nil { //nolint:gosec // a program
			return err
		}
		o.installed = append(o.installed, *p)
	}
	return nil
}

// lay writes the installed programs anew, so that all of them lie in the page
// cache in large pieces. One that a linker has written does not; nor does one of
// which the kernel, short of memory or looking for cold pages (DAMON), has taken
// parts out and read them back. Of its start that is up to a third.
func (o options) lay() error {
	var errs []error
	for _, p := range o.installed {
		b, err := os.ReadFile(p)
		errs = append(errs, err)
		if err == nil {
			errs = append(errs, replace(p, b))
		}
	}
	return errors.Join(errs...)
}

func replace(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755) //nolint:gosec // a program
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{bytes.NewReader(b)}, make([]byte, piece))
	return errors.Join(err, f.Close(), os.Rename(path+".new", path))
}
