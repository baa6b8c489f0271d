package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"

	"golang.org/x/sys/unix"
)

// The descriptors that a holder is started with.
const (
	lockFd   = 3 // open file with the lock of the sandbox; closed by the end of the holder
	statusFd = 4 // where the report goes
	commitFd = 5 // where the starter says that the state is written
	firstFd  = 6 // what is open from here on is a leak of the starter's parent
)

// Hold is the whole life of a holder; it returns the exit status. The program
// calls it when its first argument is "hold"; the second is the name.
func Hold() int { return hold(nil) }

func hold(p points) int {
	if len(os.Args) != 3 || !started() {
		fmt.Fprintln(os.Stderr, "hold is how nslab starts the process that holds a sandbox; it is not for people")
		return 2
	}
	unix.Umask(0o022)
	closeStrays()
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, unix.SIGCHLD, unix.SIGTERM)
	signal.Ignore(unix.SIGINT, unix.SIGHUP)
	home, err := openHome(p)
	if err != nil {
		_ = tell(nil, err)
		return 1
	}
	removed, err := watch()
	var notes []string
	if err == nil {
		notes, err = setUp(os.Args[2], p)
	}
	if tell(notes, errors.Join(err, p.before("tell"))) != nil { // the starter is gone
		home.clear()
		return 1
	}
	if err != nil { // which the starter knows now, and clears away
		return 1
	}
	left, ok := committed()
	if p.before("wait") != nil || !ok || wait(signals, removed, left) {
		home.clear()
	}
	return 0
}

// started checks that this process was made by Start. A person who types the
// command must not get new mounts over the real ones.
func started() bool {
	for fd, kind := range map[int]uint32{lockFd: unix.S_IFREG, statusFd: unix.S_IFIFO, commitFd: unix.S_IFIFO} {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != kind {
			return false
		}
	}
	return os.Getpid() == 1
}

// closeStrays closes what nslab itself had inherited, such as the pipe of a
// shell: somebody may be waiting for its end. Go's own are close-on-exec.
func closeStrays() {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, f := range files {
		fd, err := strconv.Atoi(f.Name())
		if err != nil || fd < firstFd {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			unix.Close(fd)
		}
	}
}

// tell sends the report.
func tell(notes []string, err error) error {
	r := report{Notes: notes}
	if err != nil {
		r.Error = err.Error()
		if m := new(setupError); errors.As(err, &m) {
			r.Error, r.Errno = m.what, int(m.errno)
		}
	}
	f := os.NewFile(statusFd, "status")
	return errors.Join(json.NewEncoder(f).Encode(r), f.Close())
}

// committed waits until the starter has written down who the holder is. If it
// dies instead, the pipe ends, and nobody would ever find this holder. The
// channel tells a tied holder that the starter has left.
func committed() (left <-chan struct{}, ok bool) {
	f := os.NewFile(commitFd, "commit")
	word := make([]byte, 1)
	if _, err := io.ReadFull(f, word); err != nil {
		return nil, false
	}
	if word[0] != tied {
		return nil, f.Close() == nil
	}
	end := make(chan struct{})
	go func() {
		defer close(end)
		_, _ = f.Read(word) // nothing more is said
	}()
	return end, true
}

// watch reports when the lock file was removed, and with it the way to find
// this holder: at the end of a login, for example, with the whole directory.
func watch() (<-chan struct{}, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, step("watch with inotify", err)
	}
	// An unlinked file changes its link count; it is not deleted while open.
	path := "/proc/self/fd/" + strconv.Itoa(lockFd)
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_ATTRIB|unix.IN_DELETE_SELF); err != nil {
		return nil, step("watch the lock file", err)
	}
	f := os.NewFile(uintptr(fd), "inotify")
	removed := make(chan struct{})
	go func() {
		defer close(removed)
		event := make([]byte, 4096)
		for linked() {
			if _, err := f.Read(event); err != nil {
				return
			}
		}
	}()
	return removed, nil
}

func linked() bool {
	var st unix.Stat_t
	return unix.Fstat(lockFd, &st) == nil && st.Nlink > 0
}

// wait is what the first process of a machine does: bury the orphans. It says
// whether it has ended because the starter has left.
func wait(signals <-chan os.Signal, removed, left <-chan struct{}) bool {
	for {
		select {
		case <-removed:
			return false
		case <-left:
			return true
		case s := <-signals:
			if s == unix.SIGTERM {
				return false
			}
			reap()
		}
	}
}

func reap() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if pid <= 0 && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
