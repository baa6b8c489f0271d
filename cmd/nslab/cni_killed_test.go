package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"nslab/lab/plugins"
)

// hang is a plugin that says on a fifo that ADD has come to it, by its process
// id, and never answers.
const hang = `cat >/dev/null; [ "$CNI_COMMAND" = ADD ] || exit 0; echo $$ >"$CNI_PATH/fifo"; exec sleep 600`

// TestKilledAdd kills a runtime in the middle of ADD, when bridge has made its
// cable and the next plugin has not answered. Whoever comes next knows what may
// be there: DEL takes it back, and so does GC when the namespace is gone.
func TestKilledAdd(t *testing.T) {
	if os.Geteuid() != 0 { // runtimes of containers are root's
		again(t)
		return
	}
	for _, after := range []string{"del", "gc", "add again"} {
		t.Run(after, func(t *testing.T) {
			r := newRuntimeRig(t)
			for _, err := range []error{
				os.WriteFile(filepath.Join(r.dir, "hang"), []byte("#!/bin/sh\n"+hang+"\n"), 0o700), //nolint:gosec // a program
				unix.Mkfifo(filepath.Join(r.dir, "fifo"), 0o600),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			net := fmt.Sprintf(`{"name": "killed", "cniVersion": "1.1.0", "plugins": [{"type": "nslab-bridge", "bridge": "kil0", "isGateway": true,
				"ipMasq": true, "ipam": {"type": "host-local", "dataDir": %q, "subnet": "10.66.0.0/24"}}, {"type": "hang"}]}`, t.TempDir())
			before := hostOf(r)
			r.killInAdd(net)
			if cmp.Diff(before, hostOf(r)) == "" {
				t.Fatal("bridge had made nothing when the runtime was killed")
			}
			switch after {
			case "gc":
				r.sh("ip", "netns", "del", "c1")
				r.does("gc", net)
				r.sh("ip", "netns", "add", "c1")
			case "add again":
				r.fails([]string{"add", net, "c1"}, "attached already", "del first")
				fallthrough
			default:
				r.does("del", net, "c1")
			}
			if diff := cmp.Diff(before, hostOf(r)); diff != "" {
				t.Errorf("%s leaves behind:\n%s", after, diff)
			}
			if left, _ := filepath.Glob(plugins.Dir + "/*/*"); left != nil {
				t.Errorf("still remembered: %v", left)
			}
		})
	}
}

// killInAdd runs nslab cni add to where hang has been called, and kills both.
func (r *runtimeRig) killInAdd(net string) {
	r.Helper()
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{"nslab", "cni", "add", net, "c1"}, Env: append(os.Environ(), "CNI_PATH="+r.dir)}
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(r.dir, "fifo")) // waits for the writer
	pid, perr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || perr != nil {
		r.Fatal(err, perr)
	}
	if err := cmd.Process.Kill(); err != nil {
		r.Error(err)
	}
	_ = cmd.Wait() // it was killed
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		r.Error(err)
	}
}

// hostOf is what plugins may leave on the host.
func hostOf(r *runtimeRig) string {
	r.Helper()
	out, err := exec.Command("sh", "-c", "ip -br link; nft list ruleset; sysctl net.ipv4.ip_forward").CombinedOutput()
	if err != nil {
		r.Fatal(err, string(out))
	}
	return string(out)
}
