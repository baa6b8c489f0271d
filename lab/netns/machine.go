package netns

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Machine are the attributes of a child process that begins a machine of its
// own: mounts, network, processes, IPC and host name, see namespaces(7). mapped
// is for who has no rights here: in a user namespace of its own the process is
// root.
func Machine(mapped bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
	}
	if mapped {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	return attr
}
