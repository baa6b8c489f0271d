package cni

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Install makes the plugin in a directory of plugins: a symbolic link to this
// program. It returns its path. A link of an older nslab is replaced in one
// step, since a runtime may call it at any moment; anything else is left alone.
func Install(dir string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, Plugin)
	switch old, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return path, os.Symlink(self, path)
	case err != nil:
		return "", err
	case old.Mode().Type() != fs.ModeSymlink:
		return "", fmt.Errorf("%s is there already, and no symbolic link: remove it first", path)
	}
	draft := path + ".new"
	if err := os.Symlink(self, draft); err != nil {
		return "", err
	}
	return path, os.Rename(draft, path)
}
