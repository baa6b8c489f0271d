package sandbox

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Most sandboxes are made for a command that is this program again. It takes the
// holder and that program longer to start than to do their work. So both start
// at the same time: the namespaces are there as soon as the holder is, and the
// program waits for what is mounted in them.

// gateEnv is "N DIR": the descriptor at which a program waits for its sandbox, and
// where it is to stand then.
const gateEnv = "NSLAB_GATE"

// first is the first command of a sandbox that is not set up yet. nil is none.
type first struct {
	Command

	gate *os.File // a byte here says that the sandbox is set up; its end, that it never will be
	run  *running
	err  error // of the command, which never ran
}

// StartWith is [Start], and then [Sandbox.RunCommand] of this program again, which
// has to call [AwaitSetUp]. No sandbox is returned where none could be started; else
// status and error are those of the command. The error is context.Canceled
// when a signal has ended it before it was there to take signals. There can be no
// Room yet.
func StartWith(name string, c Command) (*Sandbox, int, error) { return startWith(name, stay, c) }

// StartThrowawayWith is StartWith for a sandbox as that of [StartThrowaway].
func StartThrowawayWith(name string, c Command) (*Sandbox, int, error) {
	return startWith(name, tied, c)
}

func startWith(name string, life byte, c Command) (*Sandbox, int, error) {
	p, err := at(name)
	if err != nil {
		return nil, 0, err
	}
	return p.startWith(life, c)
}

func (p place) startWith(life byte, c Command) (*Sandbox, int, error) {
	gate, opener, err := os.Pipe()
	if err != nil {
		return nil, 0, err
	}
	defer gate.Close()
	defer opener.Close()
	c.Env = append(slices.Clip(c.Env), fmt.Sprintf("%s=%d %s", gateEnv, len(c.Files), c.dir()))
	c.Files = append(slices.Clip(c.Files), gate)
	f := &first{Command: c, gate: opener}
	s, err := p.start(life, f)
	if err != nil {
		return nil, 0, err
	}
	code, err := f.end()
	return s, code, err
}

// begin starts the command in a sandbox that is being set up.
func (f *first) begin(s *Sandbox) {
	if f != nil {
		f.run, f.err = s.begin(f.Command)
	}
}

// bury waits for the end of a command whose sandbox has come to nothing. The holder
// cannot end before it, see pid_namespaces(7).
func (f *first) bury() {
	if f != nil && f.run != nil {
		f.gate.Close()
		_, _ = f.run.wait()
	}
}

// end lets the command go on, and waits for it.
func (f *first) end() (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	_, _ = f.gate.Write([]byte{1}) // it may have ended already, by Ctrl-C
	ws, err := f.run.wait()
	if err == nil && ws.Signaled() && slices.Contains(passed, ws.Signal()) {
		err = context.Canceled
	}
	return status(ws), err
}

// AwaitSetUp is what a program that may be the command of [StartWith] does before
// anything else: it waits until its sandbox is set up. The error wraps io.EOF when
// it never will be: the starter knows why.
func AwaitSetUp() error {
	value, ok := os.LookupEnv(gateEnv)
	if !ok {
		return nil
	}
	number, dir, _ := strings.Cut(value, " ")
	fd, err := strconv.Atoi(number)
	if err != nil {
		return fmt.Errorf("%s: %w", gateEnv, err)
	}
	if err := os.Unsetenv(gateEnv); err != nil { // it is not for our own children
		return err
	}
	gate := os.NewFile(uintptr(fd), "gate")
	defer gate.Close()
	if _, err := gate.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("wait for the sandbox: %w", err)
	}
	if os.Chdir(dir) != nil { // until now it stood in a directory of the machine
		return os.Chdir("/")
	}
	return nil
}
