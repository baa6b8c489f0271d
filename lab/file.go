package lab

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// openState opens a file of nslab's own state. A link is not followed and a
// FIFO not waited for: somebody else has put it there.
func openState(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.ELOOP) {
		return nil, strange(path, "a symbolic link")
	}
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = strange(path, "no regular file ("+fi.Mode().String()+")")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// readState reads such a file.
func readState(path string) ([]byte, error) {
	f, err := openState(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// ownDir makes the directory of a lab, or makes sure that it is one. Whoever
// forgets a lab meanwhile takes its directory away, and the one above it after
// the last: that may happen once for each who waits.
func ownDir(path string) (err error) {
	const waiting = 100
	for range waiting {
		err = os.MkdirAll(path, 0o700)
		var fi fs.FileInfo
		if err == nil {
			fi, err = os.Lstat(path)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err == nil && !fi.IsDir():
			return strange(path, "a symbolic link")
		}
		return err
	}
	return err
}

func strange(path, what string) error {
	return fmt.Errorf("%s is %s: nslab keeps its state there and will not use it; remove it and try again", path, what)
}
