package lab

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/topology"
)

var errBusy = errors.New("another nslab is working on this lab")

// busy says who has the lock at path, and what can be done.
func busy(path string) error {
	pid := holderOf(path)
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

// holderOf is the process that has the flock(2) on path, as proc_locks(5)
// tells; "" when that cannot be seen from here.
func holderOf(path string) string {
	var st unix.Stat_t
	b, err := os.ReadFile("/proc/locks")
	if err != nil || unix.Stat(path, &st) != nil {
		return ""
	}
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	for line := range strings.Lines(string(b)) {
		// 1: FLOCK ADVISORY WRITE 176 00:1c:53 0 EOF; who waits has an arrow before FLOCK
		f := strings.Fields(line)
		if len(f) > 5 && f[1] == "FLOCK" && f[5] == file && strings.Trim(f[4], "0123456789") == "" && f[4] != "0" {
			return f[4]
		}
	}
	return ""
}

// stopped says whether a process is in the state T of proc_pid_stat(5).
func stopped(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	_, rest, ok := strings.Cut(string(b[strings.LastIndexByte(string(b), ')')+1:]), " ")
	return err == nil && ok && strings.HasPrefix(rest, "T")
}
