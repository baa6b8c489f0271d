package lab_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/lab"
	"nslab/lab/kerneltest"
	"nslab/lab/netns"
	"nslab/scenarios"
	"nslab/topology"
)

// roleEnv names what this test binary does when a test starts it once more.
const roleEnv = "NSLAB_LAB_TEST"

func play(role string, args []string) int {
	f, ok := map[string]func([]string) error{
		"by-hand":    byHandRole,
		"discovered": discoveredRole,
		"engine":     engineRole,
		"script":     scriptRole,
		"typed":      typedRole,
		"rig":        rigRole,
		"faults":     faultsRole,
		"faulty":     faultyRole,
		"scarce":     scarceRole,
		"starved":    starvedRole,
	}[role]
	err := fmt.Errorf("there is no role %q", role)
	if ok {
		err = f(args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// self is this test binary in a role, in the kernel of the test.
func self(ctx context.Context, role string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	return cmd
}

// rigRole is the first process of a kernel of its own, in which it plays
// another role.
func rigRole(args []string) error {
	if err := furnish(); err != nil {
		return err
	}
	cmd := self(context.Background(), args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	if status := kerneltest.Bury(cmd.Process.Pid); status != 0 {
		return fmt.Errorf("exit status %d", status)
	}
	return nil
}

// elsewhere runs a role in a kernel of its own, which ends with it, and returns
// what it printed.
func elsewhere(t *testing.T, role string, args ...string) string {
	t.Helper()
	out, err := otherKernel(t.Context(), role, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func otherKernel(ctx context.Context, role string, args ...string) (string, error) {
	cmd := self(ctx, role, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", role, strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

// furnish makes a new kernel like the one that the tests have.
func furnish() error {
	err := errors.Join(
		unix.Mount("", "/", "none", unix.MS_PRIVATE|unix.MS_REC, ""),
		unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"),
		unix.Mount("proc", "/proc", "proc", 0, ""),
		os.Mkdir(netns.Dir, 0o755),
		overlayEtc("/run/etc"),
	)
	if err != nil {
		return err
	}
	h := &netlink.Handle{}
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	return h.LinkSetUp(lo)
}

// overlayEtc lets a test write to /etc; what it writes ends up below dir.
func overlayEtc(dir string) error {
	upper, work := dir+"/upper", dir+"/work"
	if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755)); err != nil {
		return err
	}
	data := "lowerdir=/etc,upperdir=" + upper + ",workdir=" + work
	err := unix.Mount("overlay", "/etc", "overlay", 0, data)
	if err != nil { // the attributes trusted.* are for the real root
		err = unix.Mount("overlay", "/etc", "overlay", 0, data+",userxattr")
	}
	return err
}

// writableEtc is overlayEtc for the time of a test.
func writableEtc(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("/run", "etc") //nolint:usetesting // an upper layer cannot lie on every file system; a tmpfs will do
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := overlayEtc(dir); err != nil {
		t.Skip("an overlay on /etc:", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount("/etc", unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// labs is a directory for labs, in memory as the one that nslab uses.
func labs(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/run", "labs") //nolint:usetesting // in memory, as the one that nslab uses
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir + "/labs"
}

// opened makes a machine of its own ready, and opens the lab of a file there.
func opened(name string) (*lab.Lab, *lab.Plan, error) {
	if err := furnish(); err != nil {
		return nil, nil, err
	}
	p, err := compiled(name)
	if err != nil {
		return nil, nil, err
	}
	l, err := lab.Open("/run/labs", p.Name())
	return l, p, err
}

// compiled reads a lab file of testdata, or a scenario, for a sandbox.
func compiled(name string) (*lab.Plan, error) { return compiledFor(name, false) }

func compiledFor(name string, machine bool) (*lab.Plan, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		if text, err = scenarios.Read(name); err != nil {
			return nil, err
		}
	}
	top, err := topology.Parse(topology.Source{Name: name, Text: text}, beside)
	if err != nil {
		return nil, err
	}
	return lab.Compile(top, machine)
}
