package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// Kill ends the holder, with it every process inside, waits until they are
// gone, and removes the state. To kill a sandbox that is gone is no error.
func (s *Sandbox) Kill() error {
	fd, err := s.pidfd()
	if err == nil {
		err = errors.Join(s.end(fd), unix.Close(fd))
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return s.bury()
}

// bury removes the state as soon as the holder, which was killed, lets go of it.
func (s *Sandbox) bury() error {
	lock, other, err := s.at.claim(false, patience, s)
	if errors.Is(err, fs.ErrNotExist) || other != nil {
		return nil // cleared already, or started anew, by another command
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	return s.at.clear()
}

// end kills the holder behind a pidfd and waits. The first process of a pid
// namespace is seen to end when all others of it are buried, see
// pid_namespaces(7). But the parent of a program that was run inside is
// outside, and may be stopped, or an init that buries nobody; so it is enough
// that none of them lives; which another user namespace cannot see.
func (s *Sandbox) end(pidfd int) error {
	const moment = 100 // milliseconds
	inside, err := os.Stat(nsOf(s.Pid))
	if err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) { // none: another command was faster
		return fmt.Errorf("look at the namespaces of %v: %w", s, err)
	}
	err = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill the holder: %w", err)
	}
	poll := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for deadline := time.Now().Add(patience); ; {
		n, err := unix.Poll(poll, moment)
		switch {
		case n > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("poll: %w", err)
		}
		left := living(inside, s.Pid)
		if len(left) == 0 && inside != nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%v was killed %v ago, but these processes in it do not end: %v", s, patience, left)
		}
	}
}

func nsOf(pid int) string { return "/proc/" + strconv.Itoa(pid) + "/ns/pid" }

// living finds the processes of a pid namespace, except the first, that are
// not just waiting for their burial.
func living(inside os.FileInfo, first int) (pids []int) {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return []int{first}
	}
	for _, p := range procs {
		pid, err := strconv.Atoi(p.Name())
		if err != nil || pid == first {
			continue
		}
		st, err := netns.ProcessOf(pid)
		if err != nil || st.State == 'Z' || st.State == 'X' {
			continue
		}
		if ns, err := os.Stat(nsOf(pid)); err == nil && os.SameFile(ns, inside) {
			pids = append(pids, pid)
		}
	}
	return pids
}
