package cni_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
)

// oracles builds the programs of testdata/oracles and returns their directory:
// cnitool, and the bridge, host-local and portmap of the reference.
func oracles(tb testing.TB) string {
	tb.Helper()
	kerneltest.Need(tb)
	if _, err := exec.LookPath("go"); err != nil {
		tb.Skip("needs the go command: ", err)
	}
	dir := tb.TempDir()
	build := exec.Command("go", "build", "-o", dir, "tool")
	build.Dir = "testdata/oracles"
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOPROXY=off")
	if out, err := build.CombinedOutput(); err != nil {
		tb.Skipf("needs the modules of lab/cni/testdata/oracles, which .ci/packages fetches: %v\n%s", err, out)
	}
	return dir
}

// ownVarLib keeps what runtimes and plugins write below /var/lib away from the
// machine.
func ownVarLib(tb testing.TB) {
	tb.Helper()
	if err := unix.Mount("tmpfs", "/var/lib", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = unix.Unmount("/var/lib", unix.MNT_DETACH) })
}

// beside puts the oracles that are named into the rig's directory of plugins.
func (r *rig) beside(dir string, names ...string) {
	r.Helper()
	for _, n := range names {
		if err := os.Symlink(filepath.Join(dir, n), filepath.Join(r.dir, n)); err != nil {
			r.Fatal(err)
		}
	}
}
