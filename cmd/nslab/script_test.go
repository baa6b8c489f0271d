package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"nslab/lab"
	"nslab/lab/kerneltest"
)

// TestScripts types every command of nslab as a person would. A script is in
// testdata/script; its name begins with the command that it is about. Each
// finds two.yaml, a lab of two rooms and a cable, and $SCENARIOS.
func TestScripts(t *testing.T) {
	if os.Geteuid() == 0 {
		kerneltest.Need(t)
	}
	runScripts(t, "testdata/script")
}

// TestMachine builds on a machine's own network: on a private one.
func TestMachine(t *testing.T) {
	if os.Geteuid() != 0 {
		again(t)
		return
	}
	kerneltest.Need(t)
	ownEtc(t)
	runScripts(t, "testdata/machine")
}

// again runs this test once more, on a private machine.
func again(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), rig+"=1")
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		t.Fatalf("on a private machine: %v\n%s", err, out)
	case strings.Contains(string(out), "\n--- SKIP: "+t.Name()+" "):
		t.Skipf("on a private machine:\n%s", out)
	}
	t.Logf("on a private machine:\n%s", out)
}

func runScripts(t *testing.T, dir string) {
	t.Helper()
	p := testscript.Params{
		Dir:       dir,
		Setup:     setUp,
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "interrupts": interrupts, "lines": lines, "fingerprint": fingerprint,
		},
	}
	testscript.RunT(oneByOne{t}, p)
}

// oneByOne runs scripts one after the other: root's labs all live in one /run,
// and a proof that nothing is left looks at all processes of the user.
type oneByOne struct{ *testing.T }

func (o oneByOne) Parallel()     {}
func (o oneByOne) Verbose() bool { return testing.Verbose() }
func (o oneByOne) Run(name string, f func(testscript.T)) {
	o.T.Run(name, func(t *testing.T) { f(oneByOne{t}) })
}

func setUp(env *testscript.Env) error {
	runtime := filepath.Join(env.WorkDir, "runtime")
	if err := os.Mkdir(runtime, 0o700); err != nil {
		return err
	}
	scenarios, err := filepath.Abs("../../scenarios")
	if err != nil {
		return err
	}
	env.Vars = append(env.Vars,
		"XDG_RUNTIME_DIR="+runtime, "SCENARIOS="+scenarios, "LANG=C.UTF-8", "SHELL=/bin/sh", "TERM=dumb",
		"PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	two, err := os.ReadFile("testdata/two.yaml")
	if err != nil {
		return err
	}
	env.Defer(func() { nothingLeft(env.T(), root(runtime)) })
	return os.WriteFile(filepath.Join(env.WorkDir, "two.yaml"), two, 0o600)
}

// root is where the labs of the script are.
func root(runtime string) string {
	if os.Geteuid() == 0 {
		return "/run/nslab/sandboxes"
	}
	return filepath.Join(runtime, "nslab")
}

// nothingLeft demands that a script has destroyed what it made.
func nothingLeft(t testscript.T, root string) {
	if labs, err := lab.List(lab.StateDir); err == nil && len(labs) > 0 {
		out, _ := exec.Command("nslab", "destroy", "--all").CombinedOutput() // the test fails anyway
		t.Log(fmt.Sprintf("left behind: labs %v\n%s", labs, out))
		defer t.FailNow()
	}
	left := holders(root)
	for pid := range left {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill() // what it holds would stand in the way of the next script
		}
	}
	files, _ := os.ReadDir(root)
	for _, f := range files {
		_ = os.RemoveAll(filepath.Join(root, f.Name()))
	}
	if len(left) > 0 || len(files) > 0 {
		t.Log(fmt.Sprintf("left behind: holders %v, directories %v", left, files))
		t.FailNow()
	}
}

// holders finds the processes that hold a sandbox below root, and its name.
func holders(root string) map[int]string {
	found := map[int]string{}
	dirs, _ := os.ReadDir("/proc")
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		lock, err := os.Readlink(filepath.Join("/proc", d.Name(), "fd/3"))
		if err == nil && strings.HasPrefix(lock, root+"/") && !strings.Contains(lock, "deleted") {
			found[pid] = filepath.Base(filepath.Dir(lock))
		}
	}
	return found
}

func condition(cond string) (bool, error) {
	if path, ok := strings.CutPrefix(cond, "exists:"); ok {
		_, err := os.Stat(path)
		return err == nil, nil
	}
	switch cond {
	case "root":
		return os.Geteuid() == 0, nil
	case "etc":
		_, err := os.Stat(etcUpper)
		return err == nil, nil
	case "tun":
		f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
		return err == nil && f.Close() == nil, nil
	case "mapped":
		return mapped(), nil
	case "nested":
		return exec.Command("unshare", "-U", "-r", "unshare", "-U", "--map-user=1000", "true").Run() == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

// exits is: exits STATUS CMD...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS CMD...")
	}
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := "0"
	switch {
	case errors.As(err, &exit):
		got = strconv.Itoa(exit.ExitCode())
	case err != nil:
		ts.Fatalf("%s: %v", args[1], err)
	}
	if got != args[0] {
		ts.Fatalf("%s exits %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// lines is: lines N FILE, or stdout.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines N FILE")
	}
	if got := strconv.Itoa(strings.Count(ts.ReadFile(args[1]), "\n")); got != args[0] {
		ts.Fatalf("%s has %s lines, want %s", args[1], got, args[0])
	}
}

// interrupts is: interrupts STATUS CMD... It sends SIGINT to the command and
// its children, as Ctrl-C does, when a sandbox of its own has been up for a moment.
func interrupts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: interrupts STATUS CMD...")
	}
	const when = `set -m; "$@" & while kill -0 $! && ! nslab list -o name | grep -q .; do :; done
		sleep 1; kill -INT -- -$!; wait $!`
	exits(ts, false, append([]string{args[0], "bash", "-c", when, "sh"}, args[1:]...))
}
