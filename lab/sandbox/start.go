package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// command is the hidden command of the program that becomes a holder.
const command = "hold"

// What the starter says to the holder when the state is written.
const (
	stay = 1 + iota // until somebody kills it
	tied            // until that, or the end of the starter
)

// Start makes a sandbox. The error wraps fs.ErrExist when a living one has that
// name, and ErrForbidden when this machine lets this user have none.
//
// The program starts itself again with "hold" as its first argument and must
// then call [Hold].
func Start(name string) (*Sandbox, error) { return start(name, stay) }

// StartThrowaway is Start for a sandbox that nobody needs after this process:
// it ends with it, also when that is killed.
func StartThrowaway(name string) (*Sandbox, error) { return start(name, tied) }

func start(name string, life byte) (*Sandbox, error) {
	p, err := at(name)
	if err != nil {
		return nil, err
	}
	return p.start(life, nil)
}

func (p place) start(life byte, f *first) (*Sandbox, error) {
	lock, s, err := p.claim(true, patience, nil)
	if err != nil {
		p.abandon()
		return nil, err
	}
	if s != nil {
		return nil, fmt.Errorf("%v: %w", s, fs.ErrExist)
	}
	defer lock.Close() // the holder has its own copy of the descriptor
	sweep(filepath.Dir(p.dir))
	if err := p.forget(); err != nil {
		return nil, err
	}
	s, err = p.launch(lock, life, f)
	if err != nil {
		return nil, errors.Join(err, p.clear())
	}
	return s, nil
}

// starter is the starting side of a holder that is not yet committed.
type starter struct {
	cmd    *exec.Cmd
	status *os.File // says what became of the set-up
	commit *os.File // a byte here says that the state is written (stay, tied); its end, that the starter died
}

// launch starts a holder, and the first command if there is one, waits until the
// holder is set up, writes it down, and only then lets it go on.
func (p place) launch(lock *os.File, life byte, f *first) (*Sandbox, error) {
	if err := p.points.before("spawn"); err != nil {
		return nil, err
	}
	st, err := spawn(p.name, lock)
	if err != nil {
		return nil, forbidden(err)
	}
	defer st.status.Close()
	s, err := p.settle(st, life, f)
	if err != nil {
		_ = st.cmd.Process.Kill() // may be gone already
		f.bury()
		_ = st.cmd.Wait()
		return nil, errors.Join(err, st.commit.Close())
	}
	go func() {
		_ = st.cmd.Wait()     // buries the holder, should it end before this process
		_ = st.commit.Close() // not earlier: a tied holder waits for its end
	}()
	return s, nil
}

func (p place) settle(st *starter, life byte, f *first) (*Sandbox, error) {
	pid := st.cmd.Process.Pid
	holder, err := netns.ProcessOf(pid)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{Name: p.name, Pid: pid, Started: time.Now(), start: holder.Start, at: p}
	f.begin(s)
	if err := p.points.before("report"); err != nil {
		return nil, err
	}
	rep, err := st.report()
	if err != nil {
		return nil, err
	}
	s.Notes = rep.Notes
	r := record{Pid: pid, Start: s.start, Boot: bootID(), Started: s.Started, Notes: s.Notes}
	if err := r.write(p); err != nil {
		return nil, err
	}
	if err := p.points.before("commit"); err != nil {
		return nil, err
	}
	if _, err := st.commit.Write([]byte{life}); err != nil {
		return nil, fmt.Errorf("sandbox %q was killed while it was started: %w (%w)", p.name, os.ErrProcessDone, err)
	}
	return s, nil
}

// spawn starts the holder process. It gets three descriptors: see hold.go.
func spawn(name string, lock *os.File) (*starter, error) {
	status, statusW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer statusW.Close()
	commitR, commit, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, status.Close())
	}
	defer commitR.Close()
	cmd := exec.Command("/proc/self/exe", command, name)
	cmd.Args[0] = os.Args[0] // what ps shows
	cmd.Dir = "/"
	cmd.Env = []string{}
	cmd.ExtraFiles = []*os.File{lock, statusW, commitR}
	cmd.SysProcAttr = netns.Machine(!privileged())
	cmd.SysProcAttr.Setsid = true
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, status.Close(), commit.Close())
	}
	return &starter{cmd, status, commit}, nil
}

// privileged says whether this process may do by itself what a lab needs, see
// capabilities(7). Root in a container often may not.
func privileged() bool {
	const want = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	err := unix.Capget(&hdr, &data[0])
	return err == nil && os.Geteuid() == 0 && data[0].Effective&want == want
}

// report is what a holder says of its set-up.
type report struct {
	Notes []string `json:"notes,omitempty"`
	Error string   `json:"error,omitempty"`
	Errno int      `json:"errno,omitempty"`
}

func (st *starter) report() (report, error) {
	var r report
	if err := st.status.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return r, err
	}
	if err := json.NewDecoder(st.status).Decode(&r); err != nil {
		return r, fmt.Errorf("the holder ended before it was set up: %w", err)
	}
	if r.Error == "" {
		return r, nil
	}
	err := errors.New(r.Error)
	if r.Errno != 0 {
		err = fmt.Errorf("%s: %w", r.Error, syscall.Errno(r.Errno))
	}
	return r, forbidden(err)
}
