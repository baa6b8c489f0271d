package op_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
	"nslab/topology"
)

// hostKernel is the kernel of a lab whose directory exists beside those of others.
func hostKernel(t *testing.T, dir, lab string) *op.Kernel {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, lab), 0o700); err != nil {
		t.Fatal(err)
	}
	k, _ := remembering(lab)
	k.Dir = filepath.Join(dir, lab)
	return k
}

// onHost runs a command where the tests run.
func onHost(t *testing.T, line string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", line).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// ground is the host's settings as a test wants them, and back again.
func ground(t *testing.T) {
	t.Helper()
	onHost(t, "ip link add va type veth peer name vb")
	put := "sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.va.forwarding=1"
	onHost(t, put)
	t.Cleanup(func() {
		onHost(t, "ip link del va; sysctl -qw net.ipv4.ip_forward=1; sysctl -qw net.ipv4.ip_forward=0")
	})
}

const forwardingNow = "sysctl net.ipv4.ip_forward net.ipv4.conf.all.accept_redirects net.ipv4.conf.all.forwarding " +
	"net.ipv4.conf.default.forwarding net.ipv4.conf.lo.forwarding net.ipv4.conf.va.forwarding net.ipv4.conf.vb.forwarding"

func wantForwarding(t *testing.T, before, when string) {
	t.Helper()
	if diff := cmp.Diff(before, onHost(t, forwardingNow)); diff != "" {
		t.Errorf("%s (-before +after):\n%s", when, diff)
	}
}

func forwarding() op.Sysctl {
	return op.Sysctl{NS: topology.Host, Key: "net.ipv4.ip_forward", Value: "1"}
}

func noRegister(t *testing.T, dir string) {
	t.Helper()
	for _, f := range []string{".sysctl.json", ".sysctl.json.new"} {
		if _, err := os.Lstat(filepath.Join(dir, f)); err == nil {
			t.Errorf("%s is left behind", f)
		}
	}
}

// The kernel rewrites accept_redirects and the forwarding of every interface
// along with ip_forward.
func TestSysctlPutsBackWhatChangedAlong(t *testing.T) {
	kerneltest.Need(t)
	needTools(t, "sysctl", "ip")
	ground(t)
	before := onHost(t, forwardingNow)
	for _, dir := range []string{"", t.TempDir()} {
		was := map[op.Op]string{}
		k := &op.Kernel{Lab: "one", Was: func(o op.Op) string { return was[o] }}
		if dir != "" {
			k.Dir = filepath.Join(dir, "one")
			if err := os.Mkdir(k.Dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		makeFact(t, k, was, forwarding())
		onHost(t, "ip link add late type veth peer name later")
		undo(t, k, forwarding())
		wantForwarding(t, before, "after one lab")
		if got := onHost(t, "sysctl -n net.ipv4.conf.late.forwarding"); got != "0\n" {
			t.Errorf("an interface that came meanwhile: forwarding is %q, want 0", got)
		}
		onHost(t, "ip link del late")
		undo(t, k, forwarding()) // again: nothing
		wantForwarding(t, before, "after a second undo")
	}
}

// What somebody has changed meanwhile is theirs.
func TestSysctlLeavesWhatIsNotOurs(t *testing.T) {
	kerneltest.Need(t)
	needTools(t, "sysctl", "ip")
	for _, c := range []struct{ change, file, want string }{
		{"sysctl -qw net.ipv4.conf.all.accept_redirects=1", "net.ipv4.conf.all.accept_redirects", "1\n"},
		{"sysctl -qw net.ipv4.conf.vb.forwarding=0", "net.ipv4.conf.vb.forwarding", "0\n"},
		{"sysctl -qw net.ipv4.ip_forward=0", "net.ipv4.conf.all.accept_redirects", "1\n"},
	} {
		t.Run(c.change, func(t *testing.T) {
			ground(t)
			was := map[op.Op]string{}
			k := hostKernel(t, t.TempDir(), "one")
			k.Was = func(o op.Op) string { return was[o] }
			makeFact(t, k, was, forwarding())
			onHost(t, c.change)
			undo(t, k, forwarding())
			if got := onHost(t, "sysctl -n "+c.file); got != c.want {
				t.Errorf("%s is %q, want %q", c.file, got, c.want)
			}
			noRegister(t, filepath.Dir(k.Dir))
		})
	}
}

// Two labs want ip_forward: whichever goes last puts it back.
func TestSysctlIsCounted(t *testing.T) {
	kerneltest.Need(t)
	needTools(t, "sysctl", "ip")
	ground(t)
	before := onHost(t, forwardingNow)
	for _, order := range [][]string{{"red", "blue"}, {"blue", "red"}} {
		dir := t.TempDir()
		kernels := map[string]*op.Kernel{}
		for _, lab := range []string{"red", "blue"} {
			was := map[op.Op]string{}
			kernels[lab] = hostKernel(t, dir, lab)
			kernels[lab].Was = func(o op.Op) string { return was[o] }
			makeFact(t, kernels[lab], was, forwarding())
		}
		undo(t, kernels[order[0]], forwarding())
		wantTrue(t, kernels[order[1]], forwarding())
		undo(t, kernels[order[1]], forwarding())
		wantForwarding(t, before, "after "+order[0]+" and "+order[1])
		noRegister(t, dir)
	}
}

// A lab whose directory is gone counts no more; the value that it found does.
func TestSysctlForgetsLostLabs(t *testing.T) {
	kerneltest.Need(t)
	needTools(t, "sysctl", "ip")
	ground(t)
	before := onHost(t, forwardingNow)
	dir := t.TempDir()
	lost, was := hostKernel(t, dir, "lost"), map[op.Op]string{}
	makeFact(t, lost, map[op.Op]string{}, forwarding())
	if err := os.Remove(lost.Dir); err != nil {
		t.Fatal(err)
	}
	k := hostKernel(t, dir, "next")
	k.Was = func(o op.Op) string { return was[o] }
	makeFact(t, k, was, forwarding())
	undo(t, k, forwarding())
	wantForwarding(t, before, "after a lost lab and another")
	noRegister(t, dir)
}

// nslab died while it was putting back: the next one goes on.
func TestSysctlFinishesAfterACrash(t *testing.T) {
	kerneltest.Need(t)
	needTools(t, "sysctl", "ip")
	ground(t)
	before := onHost(t, forwardingNow)
	dir, was := t.TempDir(), map[op.Op]string{}
	k := hostKernel(t, dir, "one")
	k.Was = func(o op.Op) string { return was[o] }
	makeFact(t, k, was, forwarding())
	const v4 = "/proc/sys/net/ipv4/"
	state := map[string]any{forwarding().Key: map[string]any{"restore": map[string]string{
		v4 + "ip_forward": "0", v4 + "conf/all/accept_redirects": "0", v4 + "conf/va/forwarding": "1",
	}}}
	b, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".sysctl.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	onHost(t, "sysctl -qw net.ipv4.ip_forward=0") // as far as it came
	undo(t, k, forwarding())
	wantForwarding(t, before, "after a crash")
	noRegister(t, dir)
}
