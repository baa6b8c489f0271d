package lab_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/lab"
	"nslab/lab/netns"
	"nslab/lab/op"
)

// shortage is something that a machine runs out of.
type shortage struct {
	dir        string       // on a file system of its own; "" where that has nothing to do with it
	begin, end func() error // from now on there is no more; there is enough
	errno      unix.Errno   // what the kernel says then
	dies       bool         // the process may die of it
	early      bool         // it cannot begin later than at the beginning
}

// shortages by their names.
var shortages = map[string]shortage{
	"room-for-state":   full("/run/labs"),
	"room-for-names":   {dir: netns.Dir, begin: tmpfs(netns.Dir, "nr_inodes", 0), end: tmpfs(netns.Dir, "nr_inodes", plenty), errno: unix.ENOSPC},
	"inodes-for-state": {dir: "/run/labs", begin: tmpfs("/run/labs", "nr_inodes", 0), end: tmpfs("/run/labs", "nr_inodes", plenty), errno: unix.ENOSPC},
	"room-for-etc":     full(op.EtcDir),
	"inodes-for-etc":   {dir: op.EtcDir, begin: tmpfs(op.EtcDir, "nr_inodes", 0), end: tmpfs(op.EtcDir, "nr_inodes", plenty), errno: unix.ENOSPC},
	"writing-state":    early(readOnly("/run/labs")), // later its files are open
	"writing-names":    readOnly(netns.Dir),
	"writing-etc":      readOnly(op.EtcDir),
	"descriptors":      {begin: descriptors(0), end: descriptors(plenty), errno: unix.EMFILE},
	"all-but-3-files":  {begin: descriptors(3), end: descriptors(plenty), errno: unix.EMFILE},
	"memory":           {begin: noMemory, dies: true},
}

// plenty is more than a lab needs.
const plenty = 4096

func full(dir string) shortage {
	return shortage{dir: dir, begin: tmpfs(dir, "size", 0), end: tmpfs(dir, "size", plenty), errno: unix.ENOSPC}
}

func early(s shortage) shortage {
	s.early = true
	return s
}

func readOnly(dir string) shortage {
	remount := func(flags uintptr) func() error {
		return func() error { return unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|flags, "") }
	}
	return shortage{dir: dir, begin: remount(unix.MS_RDONLY), end: remount(0), errno: unix.EROFS}
}

// tmpfs leaves a file system as many inodes, or pages, as it has now, or least.
func tmpfs(dir, what string, least uint64) func() error {
	return func() error {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil {
			return err
		}
		limit := max(1, st.Files-st.Ffree)
		if what == "size" {
			limit = max(1, st.Blocks-st.Bfree)
		}
		if limit = max(limit, least); what == "size" {
			limit *= uint64(os.Getpagesize())
		}
		return unix.Mount("", dir, "", unix.MS_REMOUNT, fmt.Sprintf("%s=%d", what, limit))
	}
}

// descriptors leaves this process as many as it has now, and some.
func descriptors(more uint64) func() error {
	return func() error {
		limit := unix.Rlimit{Cur: plenty, Max: plenty}
		if more < plenty {
			f, err := os.Open("/") // has the lowest number that is free
			if err != nil {
				return err
			}
			limit.Cur = uint64(f.Fd()) + more
			f.Close()
		}
		return unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	}
}

// noMemory lets this process have no page more than it has.
func noMemory() error {
	return unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: 1, Max: math.MaxUint64})
}

// scarceRole lets a machine run out of something at points of a way.
func scarceRole(args []string) error {
	s, ok := shortages[args[1]]
	if !ok {
		return fmt.Errorf("nobody runs out of %q", args[1])
	}
	if s.dir != "" {
		if err := errors.Join(os.MkdirAll(s.dir, 0o755), unix.Mount("tmpfs", s.dir, "tmpfs", 0, fmt.Sprintf("mode=0755,size=%d,nr_inodes=%d", plenty*os.Getpagesize(), plenty)),
			unix.Mount("", s.dir, "", unix.MS_SHARED, "")); err != nil {
			return err
		}
	}
	w, err := newWrecker(args[0])
	if err != nil {
		return err
	}
	if err := w.starve(s, args[1]); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(&w.tally)
}

// starve goes the way undisturbed, and then with the shortage from some of its
// points on; point 0 is before the lab is opened.
func (w *wrecker) starve(s shortage, name string) error {
	if err := w.ready(); err != nil {
		return err
	}
	b, err := w.do(0, "")
	if err != nil {
		return fmt.Errorf("undisturbed: %w", err)
	}
	w.mop("undisturbed")
	step := max(1, b.n/12)
	switch {
	case s.early:
		step = b.n + 1
	case w.Kinds != "few":
		step = 1
	}
	for at := 0; at <= b.n && len(w.Left) < 10; at += step {
		w.Points++
		if err := w.ready(); err != nil {
			return fmt.Errorf("before point %d: %w", at, err)
		}
		what := fmt.Sprintf("no more from point %d on", at)
		if err := w.hungry(s, name, what, at); err != nil {
			w.Faults[name]++
		}
		w.mop(what)
	}
	return w.lookAgain()
}

// hungry goes the way with a shortage from a point on, until it has ended.
func (w *wrecker) hungry(s shortage, name, what string, at int) error {
	if s.dies {
		return self(context.Background(), "starved", w.arg, name, strconv.Itoa(at)).Run()
	}
	err := w.goHungry(s, at)
	if eerr := s.end(); eerr != nil {
		w.left(what, eerr.Error())
	}
	w.said(what, s, err)
	return err
}

func (k *breakage) goHungry(s shortage, at int) error {
	if at == 0 {
		if err := s.begin(); err != nil {
			return err
		}
	}
	return k.with(func(l *lab.Lab) error {
		l.Kernel.Fault = (&breaker{at: at, strike: s.begin}).point
		return faultWays[k.Way](context.Background(), l, k.plan)
	})
}

// said looks at what was said, and whether all is taken back if that was.
func (w *wrecker) said(what string, s shortage, err error) {
	if err == nil {
		w.goOn(what) // it got over it: then all is true
		return
	}
	if !errors.Is(err, s.errno) || s.dir != "" && !strings.Contains(err.Error(), s.dir) {
		w.left(what, fmt.Sprintf("want %v, found: %v", s.errno, err))
	}
	built, failed := errors.AsType[*lab.BuildError](err)
	if _, kept := os.Lstat(filepath.Join(w.dir, w.plan.Name())); failed && built.Left == nil && kept == nil {
		w.left(what, "all is taken back, but the lab is still there")
	}
}

// starvedRole goes a way on which it has no more from a point on. It may die.
func starvedRole(args []string) error {
	k, err := newBreakage(args[0])
	if err != nil {
		return err
	}
	at, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	return k.goHungry(shortages[args[1]], at)
}
