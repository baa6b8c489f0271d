package proof

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"nslab/topology"
)

// state is what nslab itself keeps: the files of the labs that are meant, and
// directories that are left empty.
func state(v *view) ([]string, error) {
	var out []string
	for _, dir := range v.scope.State {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			out = append(out, topology.Quote(dir)+": empty")
		}
		for _, e := range entries {
			if !v.scope.Ours(e.Name()) && !strings.HasPrefix(e.Name(), ".") {
				continue
			}
			lines, err := tree(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			out = append(out, lines...)
		}
	}
	return out, nil
}

// processes are those of nslab that outlive a command: the holders of sandboxes
// that are meant, and the services of this machine, all of this user. They are
// known by their command lines.
func processes(v *view) ([]string, error) {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range procs {
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		args, ok := commandLine("/proc/" + p.Name())
		if ok && (v.holder(args) || service(args) && sameMachine(p.Name())) {
			out = append(out, "process "+p.Name()+": "+topology.Quote(strings.Join(args, " ")))
		}
	}
	return out, nil
}

// commandLine reads that of a process of this user.
func commandLine(proc string) ([]string, bool) {
	fi, err := os.Stat(proc)
	if err != nil {
		return nil, false
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
		return nil, false
	}
	b, err := os.ReadFile(proc + "/cmdline")
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00"), err == nil && len(b) > 0
}

// holder says whether this is how a sandbox that is meant is held.
func (v *view) holder(args []string) bool {
	return len(args) == 3 && args[1] == "hold" && v.scope.Ours(args[2])
}

func service(args []string) bool {
	proxy := args[0] == "docker-proxy" // Docker's own is called with its path
	return len(args) > 2 && (proxy || args[1] == "serve" && filepath.Base(args[0]) == "nslab")
}

// sameMachine says that a process is in no sandbox of its own.
func sameMachine(pid string) bool {
	theirs, err := os.Readlink("/proc/" + pid + "/ns/pid")
	ours, oerr := os.Readlink("/proc/self/ns/pid")
	return err == nil && oerr == nil && theirs == ours
}
