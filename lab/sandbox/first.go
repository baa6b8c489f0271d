package sandbox

import (
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Most sandboxes are made for a command that is this program again. It takes the
// holder and that program longer to start than to do their work. So both start
// at the same time: the namespaces are there as soon as the holder is, and the
// program waits for what is mounted in them.

// gateEnv names the descriptor at which a program waits for its sandbox.
const gateEnv = "NSLAB_GATE"

// first is the first command of a sandbox that is not set up yet. nil is none.
type first struct {
	Command

	gate *os.File // a byte here says that the sandbox is set up; its end, that it never will be
	run  *running
	err  error // of the command, which never ran
}

// StartWith is [Start] and then [Sandbox.RunCommand] of a command that calls
// [Await]. Where there is no error, or only the command could not be run, there is a
// sandbox.
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
	gate, opener, err := newGate()
	if err != nil {
		return nil, 0, err
	}
	defer gate.Close()
	f := &first{Command: c, gate: opener}
	defer f.gate.Close()
	f.Env = append(slices.Clip(f.Env), gateEnv+"="+strconv.Itoa(len(f.Files)))
	f.Files = append(slices.Clip(f.Files), gate)
	s, err := p.start(life, f)
	if err != nil {
		return nil, 0, err
	}
	code, err := f.end()
	return s, code, err
}

// newGate is a pipe whose ends block: to ask epoll(7) takes longer than to wait.
func newGate() (gate, opener *os.File, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("pipe: %w", err)
	}
	return os.NewFile(uintptr(p[0]), "gate"), os.NewFile(uintptr(p[1]), "gate"), nil
}

// begin starts the command in a sandbox that is being set up.
func (f *first) begin(s *Sandbox) {
	if f != nil {
		f.run, f.err = s.begin(f.Command)
	}
}

// abandon waits for the end of a command whose sandbox has come to nothing. The holder
// cannot end before it, see pid_namespaces(7).
func (f *first) abandon() {
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
	_, _ = f.gate.Write([]byte{stay}) // it may have ended already, by Ctrl-C
	return f.run.wait()
}

// Await is what a program that may be the command of [StartWith] does before anything else: it
// waits until its sandbox is set up. An error says that it never will be; the
// starter knows why.
func Await() error {
	number, ok := os.LookupEnv(gateEnv)
	if !ok {
		return nil
	}
	fd, err := strconv.Atoi(number)
	if err != nil {
		return fmt.Errorf("%s: %w", gateEnv, err)
	}
	if err := os.Unsetenv(gateEnv); err != nil { // it is not for our own children
		return err
	}
	dir, derr := os.Getwd()
	gate := os.NewFile(uintptr(fd), "gate")
	defer gate.Close()
	if _, err := gate.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("wait for the sandbox: %w", err)
	}
	if derr != nil || os.Chdir(dir) != nil { // which was that of the machine, and may be covered
		return os.Chdir("/")
	}
	return nil
}
