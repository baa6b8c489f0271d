package sandbox

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// SpawnOnly starts a holder like Start, prints its pid, and waits to be
// killed before the state is written.
func SpawnOnly(name string) error {
	p, err := at(name)
	if err != nil {
		return err
	}
	lock, _, err := p.claim(true, time.Second, nil)
	if err != nil {
		return err
	}
	st, err := spawn(name, lock)
	if err != nil {
		return err
	}
	if _, err := st.report(); err != nil {
		return err
	}
	fmt.Println(st.cmd.Process.Pid)
	return unix.Pause()
}

// StartFaulty is Start where something may go wrong before each step.
func StartFaulty(name string, fault func(step string) error) (*Sandbox, error) {
	p, err := at(name)
	if err != nil {
		return nil, err
	}
	p.points = fault
	return p.start(stay, nil)
}

// HoldFaulty is Hold where something may go wrong before each step.
func HoldFaulty(fault func(step string) error) int { return hold(fault) }

// Reused is s after its holder's pid went to another process.
func (s *Sandbox) Reused(pid int) *Sandbox {
	other := *s
	other.Pid = pid
	return &other
}

// Pretend writes a state that speaks of process pid, as it would be after the
// pid was used again; with the start time or the boot wrong.
func Pretend(name string, pid int, late uint64, boot string) (*os.File, error) {
	p, err := at(name)
	if err != nil {
		return nil, err
	}
	lock, _, err := p.claim(true, time.Second, nil)
	if err != nil {
		return nil, err
	}
	st, err := netns.ProcessOf(pid)
	if err != nil {
		return nil, err
	}
	if boot == "" {
		boot = bootID()
	}
	return lock, record{Pid: pid, Start: st.Start + late, Boot: boot}.write(p)
}

// Bury is bury.
func (s *Sandbox) Bury() error { return s.bury() }

// Why is why.
func Why(errno unix.Errno, read func(string) string) string { return why(errno, read) }

// RootDir is rootDir.
func RootDir(rooted bool, xdg string) string { return rootDir(rooted, xdg) }

// AccountOf is accountOf.
func AccountOf(uid int, uidMap string) (int, bool) { return accountOf(uid, uidMap) }

// EndBuried is the end of a holder that another command has killed, and that is
// buried already, between the moment that it was found and its end.
func (s *Sandbox) EndBuried(kill func()) error {
	fd, err := s.pidfd()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	kill()
	return s.end(fd)
}

// RunAfter is RunCommand where something happens between the moment that the command
// was prepared and its start.
func (s *Sandbox) RunAfter(c Command, what func()) error {
	j, err := s.join(c)
	if err != nil {
		return err
	}
	defer j.close()
	what()
	_, err = j.start()
	return err
}

// Run is RunCommand on the caller's standard files, with others behind them.
func (s *Sandbox) Run(argv, env []string, dir string, files []*os.File) (int, error) {
	std := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	return s.RunCommand(Command{Argv: argv, Env: env, Dir: dir, Files: append(std, files...)})
}

// StartFaultyWith is StartWith where something may go wrong before each step.
func StartFaultyWith(name string, c Command, fault func(step string) error) (*Sandbox, int, error) {
	p, err := at(name)
	if err != nil {
		return nil, 0, err
	}
	p.points = fault
	return p.startWith(stay, c)
}
