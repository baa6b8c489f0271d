package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

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

// inSandbox runs this same command line again inside a sandbox and passes its
// exit status. src, when not nil, is handed over, and variables more.
func inSandbox(b *sandbox.Sandbox, src *lab.Source, more ...string) error {
	cmd, done, err := sameAgain(src, more...)
	if err != nil {
		return err
	}
	defer done()
	code, err := b.RunCommand(cmd)
	return ranIn(b, code, err)
}

// sameAgain is this same command line, to be run inside a sandbox.
func sameAgain(src *lab.Source, more ...string) (cmd sandbox.Command, done func(), err error) {
	cmd = sandbox.Command{
		Argv:  append([]string{"/proc/self/exe"}, os.Args[1:]...),
		Env:   append(os.Environ(), more...),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
	}
	if src == nil {
		return cmd, func() {}, nil
	}
	f, err := memoryFile(src)
	if err != nil {
		return cmd, nil, err
	}
	cmd.Env, cmd.Files = append(cmd.Env, sourceFD+"=3"), append(cmd.Files, f)
	return cmd, func() { f.Close() }, nil
}

// ranIn is what came of a command in a sandbox.
func ranIn(b *sandbox.Sandbox, code int, err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return &codeError{exitBuild, &goneError{b.Name}}
	}
	if err != nil {
		return err
	}
	return ended(b, code, exitBuild)
}

// ended is the exit status of a program in a sandbox; gone is that of one that
// ended because its lab was destroyed under it.
func ended(b *sandbox.Sandbox, code, gone int) error {
	if code == killed && b.Ends(time.Second) {
		return &codeError{gone, &goneError{b.Name}}
	}
	return status(code)
}

// killed is the exit status of what SIGKILL has ended, as a shell gives it.
const killed = 128 + int(unix.SIGKILL)

// goneError is a lab that somebody destroyed under a command that used it.
type goneError struct{ lab string }

func (e *goneError) Error() string { return "lab " + e.lab + " was destroyed meanwhile" }

// memoryFile holds v as JSON in a file that no directory has.
func memoryFile(v any) (*os.File, error) {
	f, err := memory()
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(f).Encode(v); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// memory is an empty file that no directory has, see memfd_create(2).
func memory() (*os.File, error) {
	fd, err := unix.MemfdCreate("nslab", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "nslab"), nil
}

// needRoot refuses the machine to an ordinary user.
func needRoot(what string) error {
	if sandbox.Rooted() {
		return nil
	}
	need := what + " changes the network of this machine, which needs root"
	if os.Geteuid() == 0 {
		need += ": that of the machine, to whom /run belongs, not of a user namespace (unshare -r)"
	}
	return hint(cannot("%s", need),
		"sudo nslab ...", "or leave out `host: machine` and --host machine: a sandbox needs no root")
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
func nameOf(s streams, _ *cli.Context, arg string) (string, error) {
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
	if in, ok := sandbox.Inside(); ok && in == name || lab.Exists(lab.StateDir, name) {
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
