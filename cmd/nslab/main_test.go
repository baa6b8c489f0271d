package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"nslab/lab/cni"
	"nslab/lab/kerneltest"
	"nslab/lab/serve"
)

// rig asks for a private machine; root always gets one.
const rig = "NSLAB_TEST_RIG"

// TestMain also is nslab: testscript starts this binary under that name, nslab
// itself starts /proc/self/exe, and the processes that hold a sandbox or serve
// are known by their first argument.
//
// Root's labs are at home in /run, so root's tests run on a private machine
// with an empty one. An ordinary user's are wherever XDG_RUNTIME_DIR says: those
// tests run where they are, as the user would.
func TestMain(m *testing.M) {
	if isNslab() {
		main()
		return
	}
	testscript.Main(place{m}, map[string]func(){"nslab": main})
}

func isNslab() bool {
	if name := filepath.Base(os.Args[0]); name == "nslab" || name == "exe" || cni.Is(name) {
		return true
	}
	if _, ok := serve.Asked(os.Args); ok {
		return true
	}
	return len(os.Args) > 1 && (os.Args[1] == "hold" || os.Args[1] == "forward")
}

// place is where the tests run.
type place struct{ *testing.M }

func (p place) Run() int {
	if os.Geteuid() == 0 || os.Getenv(rig) != "" {
		return kerneltest.Main(p.M)
	}
	return p.M.Run()
}
