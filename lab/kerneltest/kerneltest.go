// Package kerneltest runs the tests of a package on a kernel of their own: the
// test binary starts itself again in new user, mount, network, pid, ipc and
// uts namespaces with an empty /run. Such tests need no root and cannot touch
// the machine.
//
//	func TestMain(m *testing.M) { os.Exit(kerneltest.Main(m)) }
//
//	func TestCable(t *testing.T) {
//		kerneltest.Need(t)
//		kerneltest.Namespace(t, "red")
//
// Where the machine forbids all that, the tests that need it are skipped with
// the reason, unless NSLAB_REQUIRE_KERNEL=1 says that they must run.
package kerneltest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nslab/lab/netns"
)

const (
	require = "NSLAB_REQUIRE_KERNEL"
	inside  = "NSLAB_KERNELTEST" // how far we are, or the reason why we do not get there
	enter   = "enter"            // in new namespaces, as their first process
	yes     = "yes"              // a child of that one: the tests run
	refused = 125                // exit status of a second run that could not set itself up
)

// Main is what TestMain calls; it returns the exit status. A test binary that
// was started under another name (by testscript, as the command under test)
// runs where it is.
func Main(m *testing.M) int {
	mark := os.Getenv(inside)
	switch {
	case !strings.HasSuffix(filepath.Base(os.Args[0]), ".test"):
		return m.Run()
	case mark == enter:
		return first()
	case mark != "":
		return m.Run()
	}
	status, err := again()
	if err == nil && status != refused {
		return status
	}
	if err == nil {
		err = errors.New("the new namespaces could not be set up (see above)")
	}
	return without(m, err)
}

// without runs the tests that need no kernel of their own.
func without(m *testing.M, reason error) int {
	if err := os.Setenv(inside, reason.Error()); err != nil {
		fmt.Fprintln(os.Stderr, "kerneltest:", err)
		return 1
	}
	return m.Run()
}

// Need skips the test where it would touch the machine.
func Need(tb testing.TB) {
	tb.Helper()
	why := os.Getenv(inside)
	switch {
	case why == yes:
	case os.Getenv(require) == "1":
		tb.Fatalf("%s=1, but there is no private kernel: %s", require, why)
	case why == "":
		tb.Skip("needs TestMain to call kerneltest.Main")
	default:
		tb.Skip("needs namespaces of its own:", why)
	}
}

// Namespace makes a named network namespace for the time of the test.
func Namespace(tb testing.TB, name string) {
	tb.Helper()
	Need(tb)
	if err := netns.Create(name, nil); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := netns.Delete(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			tb.Error(err)
		}
	})
}

// again runs this test binary once more, in new namespaces.
func again() (int, error) {
	cmd := self(enter)
	cmd.SysProcAttr = netns.Machine(os.Geteuid() != 0)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	err := cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}

func self(mark string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), inside+"="+mark)
	return cmd
}
