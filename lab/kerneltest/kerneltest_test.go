package kerneltest_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/netns"
)

func TestMain(m *testing.M) { os.Exit(kerneltest.Main(m)) }

// The tests see lo, which is up, an empty /run, and only their own processes.
func TestPrivate(t *testing.T) {
	kerneltest.Need(t)
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if len(interfaces) != 1 || interfaces[0].Name != "lo" || interfaces[0].Flags&net.FlagUp == 0 {
		t.Errorf("interfaces: %v, want just lo, up", interfaces)
	}
	if names, err := netns.List(); len(names) > 0 || err != nil {
		t.Errorf("namespaces: %v, %v", names, err)
	}
	if b, err := os.ReadFile("/proc/1/cmdline"); err != nil || !strings.Contains(string(b), "kerneltest.test") {
		t.Errorf("the first process is %q, %v", b, err)
	}
}

func TestNamespace(t *testing.T) {
	t.Run("in use", func(t *testing.T) {
		kerneltest.Namespace(t, "red")
		if !netns.Exists("red") {
			t.Error("red does not exist")
		}
	})
	if netns.Exists("red") {
		t.Error("red exists after its test")
	}
}

// TestChild is what TestStatus runs in a second private kernel.
func TestChild(t *testing.T) {
	if what := os.Getenv("KERNELTEST_CHILD"); what == "fail" {
		t.Error("failing as asked")
	}
}

// Flags go in, and the exit status comes out.
func TestStatus(t *testing.T) {
	kerneltest.Need(t)
	for what, want := range map[string]int{"pass": 0, "fail": 1} {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestChild$", "-test.v")
		cmd.Args[0] = os.Args[0]
		cmd.Env = append(os.Environ(), "NSLAB_KERNELTEST=", "KERNELTEST_CHILD="+what)
		out, err := cmd.CombinedOutput()
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%s: exit status %d, want %d\n%s", what, got, want, out)
		}
		line := fmt.Sprintf("--- %s: TestChild", strings.ToUpper(what))
		if strings.Count(string(out), line) != 1 {
			t.Errorf("want one line %q in\n%s", line, out)
		}
	}
}
