package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// record is holder.json.
type record struct {
	Pid     int       `json:"pid"`
	Start   uint64    `json:"start"` // clock ticks after boot
	Boot    string    `json:"boot_id"`
	Started time.Time `json:"started"`
	Notes   []string  `json:"notes,omitempty"`
}

// write puts the record in its place in one step: nobody reads half of it.
func (r record) write(p place) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	tmp := p.state() + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := p.points.before("write"); err != nil {
		return err
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Chmod(0o600), f.Close())
	if err != nil {
		return err
	}
	if err := p.points.before("rename"); err != nil {
		return err
	}
	return os.Rename(tmp, p.state())
}

// living returns the sandbox that holder.json speaks of, if its process still
// runs; nil when there is none, or not yet.
func (p place) living() *Sandbox {
	b, err := os.ReadFile(p.state())
	if err != nil {
		return nil
	}
	var r record
	if json.Unmarshal(b, &r) != nil || r.Boot != bootID() {
		return nil
	}
	s := &Sandbox{Name: p.name, Pid: r.Pid, Started: r.Started, Notes: r.Notes, start: r.Start, at: p}
	if alive, err := s.alive(); !alive && err == nil {
		return nil
	}
	return s
}

// alive says whether the holder's pid still means the holder.
func (s *Sandbox) alive() (bool, error) {
	p, err := netns.ProcessOf(s.Pid)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return false, nil
	}
	return err == nil && p.Start == s.start && p.State != 'Z' && p.State != 'X', err
}

// is says whether s and other have the same holder.
func (s *Sandbox) is(other *Sandbox) bool {
	return other != nil && s.Pid == other.Pid && s.start == other.start
}

// pidfd opens the holder; from then on its pid cannot be reused unseen.
func (s *Sandbox) pidfd() (int, error) {
	fd, err := unix.PidfdOpen(s.Pid, 0)
	if err == nil {
		var alive bool
		if alive, err = s.alive(); !alive {
			unix.Close(fd)
			err = cmp.Or(err, error(unix.ESRCH))
		}
	}
	if errors.Is(err, unix.ESRCH) {
		return -1, fmt.Errorf("%v is gone: %w", s, os.ErrProcessDone)
	}
	if err != nil {
		return -1, fmt.Errorf("pidfd of %v: %w", s, err)
	}
	return fd, nil
}

func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}
