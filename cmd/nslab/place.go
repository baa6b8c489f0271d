package main

import (
	"encoding/json"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab"
	"nslab/lab/sandbox"
)

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
