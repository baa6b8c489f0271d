package lab

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"nslab/lab/flock"
	"nslab/topology"
)

var errBusy = errors.New("another nslab is working on this lab")

// busy says who has the lock at path, and what can be done.
func busy(path string) error {
	pid := flock.Holder(path)
	if pid == "" {
		return fmt.Errorf("%w: it holds %s", errBusy, path)
	}
	b, _ := os.ReadFile("/proc/" + pid + "/cmdline") // it may have ended by now
	argv := strings.ReplaceAll(strings.TrimSuffix(string(b), "\x00"), "\x00", " ")
	err := fmt.Errorf("%w: process %s (%s), for longer than %v", errBusy, pid, topology.Quote(argv), lockWait)
	if stopped(pid) {
		return fmt.Errorf("%w; it is stopped, as by Ctrl-Z: type fg in its terminal, or kill -CONT %s", err, pid)
	}
	return err
}

// stopped says whether a process is in the state T of proc_pid_stat(5).
func stopped(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	_, rest, ok := strings.Cut(string(b[strings.LastIndexByte(string(b), ')')+1:]), " ")
	return err == nil && ok && strings.HasPrefix(rest, "T")
}
