package doctor

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/lab"
	"nslab/lab/sandbox"
	"nslab/topology"
)

// What a large lab writes down: some files of some kilobytes.
const (
	enoughBytes  = 16 << 20
	enoughInodes = 100
)

// stateDirectory is where labs are written down before they are built.
func stateDirectory() answer {
	root, err := sandbox.Root()
	if err != nil {
		return missing(err.Error())
	}
	dir := existing(root)
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return note(dir + ": " + err.Error())
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		return missing(fmt.Sprintf("%s cannot be written to: %v", dir, err), "mount -o remount,rw "+mountOf(dir))
	}
	bytes := fs.Bavail * uint64(fs.Bsize)
	switch {
	case bytes < enoughBytes:
		return note(fmt.Sprintf("%s has only %d KiB left", dir, bytes>>10), "df -h "+dir)
	case fs.Files > 0 && fs.Ffree < enoughInodes: // some file systems do not count them
		return note(fmt.Sprintf("%s has room for only %d more files", dir, fs.Ffree), "df -i "+dir)
	}
	return ok(fmt.Sprintf("%s, %d MiB free", root, bytes>>20))
}

// existing is a path, or the nearest above it that is there.
func existing(path string) string {
	for !seen(path) && path != "/" {
		path = filepath.Dir(path)
	}
	return path
}

// mountOf is where the file system of a directory is mounted.
func mountOf(dir string) string {
	var here, above unix.Stat_t
	for dir != "/" && unix.Stat(dir, &here) == nil && unix.Stat(filepath.Dir(dir), &above) == nil && here.Dev == above.Dev {
		dir = filepath.Dir(dir)
	}
	return dir
}

// labs lists the labs that stand, and those that were left half done.
func labs() answer {
	names, _ := lab.List(lab.StateDir) // none, or another user's
	n, half := len(names), []string{}
	for _, name := range names {
		if s, err := lab.Summarize(lab.StateDir, name); err != nil || s.Half {
			half = append(half, name)
		}
	}
	boxes, _, err := sandbox.Look()
	if err != nil {
		return note(err.Error())
	}
	for _, b := range boxes {
		n++
		if s, err := lab.Summarize(b.Path(lab.StateDir), b.Name); err == nil && s.Half {
			half = append(half, b.Name)
		}
	}
	if len(half) == 0 {
		return ok(fmt.Sprintf("%d up", n))
	}
	var cures []string
	for _, name := range half {
		cures = append(cures, "nslab destroy "+topology.Quote(name))
	}
	return note(fmt.Sprintf("%d up, of which half done: %s", n, strings.Join(half, ", ")), cures...)
}

// leftovers is what no lab knows any more: see `nslab gc`.
func leftovers() answer {
	_, dead, err := sandbox.Look()
	if err != nil {
		return note(err.Error())
	}
	n := len(dead)
	if _, inside := sandbox.Inside(); inside || sandbox.Rooted() {
		orphans, err := lab.Orphans(lab.StateDir)
		if err != nil {
			return note(err.Error())
		}
		n += len(orphans)
	}
	if n == 0 {
		return ok("nothing is left of any lab")
	}
	return note(fmt.Sprintf("%d things are left of labs whose state is lost, or whose sandbox has died", n), "nslab gc")
}

// program looks for one that a learner types. nslab does without all of them.
func program(name, debian string) func() answer {
	return func() answer {
		path, err := exec.LookPath(name)
		if err != nil {
			return note("not installed; only you would type it, nslab does without", "apt-get install "+debian)
		}
		return ok(path)
	}
}
