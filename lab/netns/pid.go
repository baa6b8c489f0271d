package netns

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// OwnPID makes a command the first process, PID 1, of a pid namespace of its
// own, see pid_namespaces(7), with mounts of its own, so that it can have a
// /proc that shows it. Call it before the command is started.
func OwnPID(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWPID | unix.CLONE_NEWNS
}
