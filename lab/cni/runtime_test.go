package cni_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// programs skips the test where one of them is not installed, and returns the
// path of the last.
func (r *rig) programs(names ...string) (last string) {
	r.Helper()
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			r.Skip(name, "is not installed")
		}
		last = path
	}
	return last
}

// alone gives a container runtime, which wants to be root, directories of its
// own in the place of the machine's.
func (r *rig) alone() {
	r.Helper()
	if ids, err := os.ReadFile("/proc/self/uid_map"); err != nil || len(strings.Fields(string(ids))) != 3 || strings.Fields(string(ids))[2] != "4294967295" {
		r.Skip("needs root")
	}
	ownVarLib(r)
	for _, dir := range []string{"/sys/fs/cgroup", "/dev/shm"} {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	}
}

// rootfs makes the root directory of containers, which has but busybox.
func (r *rig) rootfs(busybox string) string {
	r.Helper()
	dir := filepath.Join(r.dir, "rootfs")
	r.sh("mkdir -p %[1]s/bin %[1]s/www && cp %[2]s %[1]s/bin/busybox && echo hello >%[1]s/www/index.html", dir, busybox)
	for _, name := range []string{"sh", "httpd", "ip", "ping"} {
		r.sh("ln -s busybox %s/bin/%s", dir, name)
	}
	return dir
}
