package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
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
	c := exec.Command("/proc/self/exe", "serve")
	c.Stdout, c.SysProcAttr = w, &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return err
	}
	w.Close()
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("the service did not start: %w", err)
	}
	return os.WriteFile(pidFile, []byte(strconv.Itoa(c.Process.Pid)), 0o600)
}

// serve accepts whatever comes, and hangs up.
func serve(ready io.Writer) error {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{Port: servicePort})
	if err != nil {
		return err
	}
	fmt.Fprint(ready, "r")
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		c.Close()
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
