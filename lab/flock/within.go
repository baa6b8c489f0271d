package flock

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Patience is how long to wait for a lock that is held for a moment only: for longer,
// and whoever has it has been stopped, as by Ctrl-Z, or hangs.
const Patience = 30 * time.Second

// Within is Lock that gives up after a while. The error names the process that has
// the lock, and f is to be closed then: the lock may still come. Who waits in the
// kernel has a descriptor of his own, of the same open file.
func Within(f *os.File, patience time.Duration) error {
	err := Try(f)
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return err
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("duplicate a descriptor: %w", err)
	}
	got := make(chan error, 1)
	go func() {
		same := os.NewFile(uintptr(fd), f.Name())
		got <- Lock(same)
		same.Close()
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-got:
		return err
	case <-timer.C:
		return late(f.Name(), patience)
	}
}

func late(path string, patience time.Duration) error {
	pid := Holder(path)
	if pid == "" {
		return fmt.Errorf("%s is locked for longer than %v, by a process that cannot be seen from here: lslocks, as root, names it", path, patience)
	}
	return fmt.Errorf("%s is locked by process %s for longer than %v: if that is stopped, as by Ctrl-Z, kill -CONT %[2]s lets it go on", path, pid, patience)
}

// Holder is the process that has the flock(2) on path, as proc_locks(5) tells; ""
// when that cannot be seen from here.
func Holder(path string) string {
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
