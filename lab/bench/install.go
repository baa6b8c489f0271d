package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// piece is how much of a program is written at once, and then is one piece of the
// page cache: as much as the kernel maps around a page that is touched. Larger ones
// it maps whole, and all that counts as memory of the process.
const piece = 64 << 10

// install copies the programs to be measured into dir.
func (o *options) install(dir string) error {
	for _, p := range []*string{&o.nslab, &o.floor} {
		to := filepath.Join(dir, filepath.Base(*p))
		if err := replace(to, *p); err != nil {
			return err
		}
		*p = to
		o.installed = append(o.installed, to)
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
		errs = append(errs, replace(p, p))
	}
	return errors.Join(errs...)
}

// replace writes a program to path, with little memory: who is started from here
// inherits the peak of it (getrusage(2)).
func replace(path, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755) //nolint:gosec // a program
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, make([]byte, piece))
	return errors.Join(err, out.Close(), os.Rename(path+".new", path))
}
