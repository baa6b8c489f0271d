package sandbox_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/sandbox"
)

// nobody is an ordinary user.
const nobody = 65534

// All tests of this package once more, by a user who is not root.
func TestAsOrdinaryUser(t *testing.T) {
	kerneltest.Need(t)
	if os.Getenv(asUser) != "" {
		t.Skip("this is the second run")
	}
	cmd := exec.Command(copySelf(t), "-test.v")
	cmd.Env = append(os.Environ(), asUser+"=1", "XDG_RUNTIME_DIR="+runtimeDir(t, nobody))
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		t.Fatalf("%v\n%s", err, out)
	}
	if err != nil {
		t.Skip("become another user: ", err) // the outer run was not the real root
	}
	t.Logf("%s", out)
}

// copySelf puts the test binary where another user can start it.
func copySelf(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("/run", "sandbox.test")
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
	return path
}

// runtimeDir is what pam_systemd(8) makes for a user.
func runtimeDir(t *testing.T, uid int) string {
	t.Helper()
	dir := "/run/user-of-the-test"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, uid, uid); err != nil {
		t.Skip("give a directory to another user: ", err)
	}
	return dir
}

// The state is kept where only its owner can reach it.
func TestRootIsPrivate(t *testing.T) {
	checkModes(t, start(t, "private"))
}

func checkModes(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	root, err := sandbox.Root()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]os.FileMode{
		root: 0o700 | os.ModeDir, filepath.Join(root, s.Name): 0o700 | os.ModeDir,
		filepath.Join(root, s.Name, "lock"): 0o600, filepath.Join(root, s.Name, "holder.json"): 0o600,
	}
	for path, mode := range want {
		fi, err := os.Lstat(path)
		if err != nil {
			t.Error(err)
		} else if fi.Mode() != mode {
			t.Errorf("%s has mode %v, want %v", path, fi.Mode(), mode)
		}
	}
}
