package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"nslab/lab/sandbox"
	"nslab/topology"
)

// scarcities say what helps where the kernel has no more of something; dir is
// where it was wanted.
var scarcities = []struct {
	errno syscall.Errno
	hint  func(dir string) string
}{
	{syscall.ENOSPC, func(dir string) string {
		return "df -h " + dir + "; df -i " + dir + " show what is full: make room there, and try again"
	}},
	{syscall.EROFS, func(dir string) string {
		return "findmnt -T " + dir + " shows what nobody may write to; mount -o remount,rw makes it writable"
	}},
	{syscall.EMFILE, func(string) string {
		return "this process may have no more files open: ulimit -n shows how many, ulimit -n 1024 allows more"
	}},
	{syscall.ENFILE, func(string) string { return "the machine has too many files open: sysctl fs.file-nr shows how many" }},
	{syscall.ENOMEM, func(string) string { return "the kernel has no memory for it: free -m shows what is left" }},
}

// scarcity is what to do about an error that says that there is no more of
// something, "" for any other.
func scarcity(err error) string {
	if errors.Is(err, sandbox.ErrForbidden) { // a limit on namespaces, which is told already
		return ""
	}
	for _, s := range scarcities {
		if errors.Is(err, s.errno) {
			return s.hint(topology.Quote(lacking(err)))
		}
	}
	return ""
}

// lacking is the directory that an error is about, or the one above that is there.
func lacking(err error) string {
	dir := "/run"
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		dir = filepath.Dir(path.Path)
	}
	for dir != "/" && dir != "." {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}
