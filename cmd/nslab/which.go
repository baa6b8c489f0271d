package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"nslab/lab"
	"nslab/lab/sandbox"
)

// here says whether the lab called name is (to be) built on the host this
// process runs on: because it is the machine's, or because the process is in
// the lab's sandbox already.
func here(name string) bool {
	inside, ok := sandbox.Inside()
	return ok && inside == name || lab.Exists(lab.StateDir, name)
}

// find returns the one lab that a command is about: the one named, or the only
// one there is. The sandbox is nil when the lab stands on this host.
func find(name string) (string, *sandbox.Sandbox, error) {
	if name == "" {
		only, err := onlyLab()
		if err != nil {
			return "", nil, err
		}
		name = only
	}
	if here(name) {
		return name, nil, nil
	}
	b, err := sandbox.Find(name)
	if errors.Is(err, fs.ErrNotExist) {
		others, _ := allLabs()
		hints := append([]string{"nslab list shows the labs", "nslab apply FILE builds one"}, ofOthers()...)
		return "", nil, hint(usage("there is no lab %q here%s", name, meant(name, others)), hints...)
	}
	return name, b, err
}

// ofOthers says whose labs this user does not see: one who has built with sudo may
// look without it, or the other way round.
func ofOthers() []string {
	if !sandbox.Rooted() {
		if _, err := os.Lstat(filepath.Dir(lab.StateDir)); err == nil {
			return []string{"root's labs are its own: sudo nslab list"}
		}
	} else if os.Getenv("SUDO_UID") != "" {
		return []string{"labs in sandboxes are of the user who built them: nslab list, without sudo"}
	}
	return nil
}

func onlyLab() (string, error) {
	names, err := allLabs()
	switch {
	case err != nil:
		return "", err
	case len(names) == 0:
		return "", hint(usage("no lab is up"), append([]string{"nslab apply red-blue.yaml builds one"}, ofOthers()...)...)
	case len(names) > 1:
		return "", hint(usage("which lab? there are %d: %v", len(names), names), "name it: -l "+names[0])
	}
	return names[0], nil
}

// allLabs lists the labs on this host and in sandboxes.
func allLabs() ([]string, error) {
	if name, ok := sandbox.Inside(); ok {
		return []string{name}, nil
	}
	names, err := lab.List(lab.StateDir)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	boxes, err := sandbox.List()
	for _, b := range boxes {
		names = append(names, b.Name)
	}
	return names, err
}

// nameOf turns FILE|LAB into the name of a lab: the name itself when such a lab
// is up, else the name that the file gives. When no such lab is up, or the file
// cannot be read any more, it is the lab that was built from this file.
func nameOf(s streams, arg string) (string, error) {
	if arg == "" {
		return onlyLab()
	}
	if up(arg) {
		return arg, nil
	}
	if name := builtFrom(arg, unchanged); name != "" { // to read YAML takes longer than to compare it
		return name, nil
	}
	_, t, err := load(s, arg)
	if err != nil || !up(t.Name.Text) {
		if built := builtFrom(arg, nil); built != "" {
			return built, nil
		}
	}
	if err != nil {
		var code *codeError
		if errors.As(err, &code) && errors.Is(err, fs.ErrNotExist) {
			return arg, errNoLab
		}
		return "", err
	}
	return t.Name.Text, nil
}

// up says whether a lab of that name stands, here or in a sandbox.
func up(name string) bool {
	if here(name) {
		return true
	}
	_, err := sandbox.Find(name)
	return err == nil
}

// unchanged says whether a lab's file is still what the lab was built from.
func unchanged(src *lab.Source) bool {
	text, err := readLimited(src.Path)
	return err == nil && string(text) == src.Files[src.Name]
}

// builtFrom is the lab that was built from a file; "" when there is none. It is
// asked whether what it was built from will do; nil: whatever the file says now.
func builtFrom(file string, will func(*lab.Source) bool) string {
	path, err := filepath.Abs(file)
	if err != nil {
		return ""
	}
	from := func(dir, name string) bool {
		src, err := lab.Kept(dir, name)
		return err == nil && src.Path == path && (will == nil || will(src))
	}
	names, _ := lab.List(lab.StateDir) // what cannot be listed was not built by this user
	for _, name := range names {
		if from(lab.StateDir, name) {
			return name
		}
	}
	boxes, _ := sandbox.List()
	for _, b := range boxes {
		if from(b.Path(lab.StateDir), b.Name) {
			return b.Name
		}
	}
	return ""
}

var errNoLab = errors.New("no lab and no file of that name")
