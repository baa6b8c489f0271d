package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// pidFile tells destroy which process serves.
const pidFile = "/run/floor.pid"

// servicePort is echo's, where published ports lead.
const servicePort = 7

// startService runs serve in a namespace and returns when it listens. The
// thread stays there: it is the last thing that apply does.
func startService(in string) error {
	if err := enter(in); err != nil {
		return err
	}
	ready, w, err := os.Pipe()
	if err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	p, err := os.StartProcess("/proc/self/exe", []string{"floor", "serve"}, &os.ProcAttr{
		Files: []*os.File{null, w, null}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return err
	}
	w.Close()
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("the service did not start: %w", err)
	}
	return os.WriteFile(pidFile, []byte(strconv.Itoa(p.Pid)), 0o600)
}

// serve accepts whatever comes, and hangs up.
func serve(ready io.Writer) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: servicePort}); err != nil {
		return err
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		return err
	}
	fmt.Fprint(ready, "r")
	for {
		c, _, err := unix.Accept(fd)
		if err != nil {
			return err
		}
		_ = unix.Close(c)
	}
}

func stopService() error {
	b, err := os.ReadFile(pidFile)
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(string(b))
	if err != nil {
		return err
	}
	return unix.Kill(pid, unix.SIGKILL)
}
