package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// looks are the places where a person would look for what is left.
var looks = []string{
	"ip -d -br link", "ip -br addr", "ip rule", "ip route show table all", "ip -6 route show table all", "ip neigh",
	"ip netns", "nft list ruleset", "sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding",
	"sysctl -a --pattern ^net.ipv4.conf.[^.]*.(forwarding|rp_filter|proxy_arp|route_localnet)$",
	"ls -A /run /run/netns /etc/netns",
}

// fingerprint is: fingerprint FILE. It writes down the network state of the
// machine that the test runs on.
func fingerprint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fingerprint FILE")
	}
	ts.Check(os.RemoveAll("/run/mount")) // notes that mount(8) keeps for itself, which a script before may have left
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(looked()), 0o600))
}

func looked() string {
	var out strings.Builder
	for _, look := range looks {
		words := strings.Fields(look)
		b, _ := exec.Command(words[0], words[1:]...).CombinedOutput() // what it says of its failure counts, too
		out.WriteString("$ " + look + "\n" + string(b))
	}
	return out.String()
}

// Where the changes to /etc go.
const (
	etcUpper = "/run/etc/upper"
	etcWork  = "/run/etc/work"
)

// ownEtc lays an overlay over /etc, as /etc/netns belongs to the machine. What
// needs it is left out where that is forbidden.
func ownEtc(t *testing.T) {
	t.Helper()
	for _, dir := range []string{etcUpper, etcWork} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	data := "lowerdir=/etc,upperdir=" + etcUpper + ",workdir=" + etcWork
	if err := unix.Mount("overlay", "/etc", "overlay", 0, data); err != nil {
		t.Logf("no overlay over /etc: %v", err)
		if err := os.RemoveAll(filepath.Dir(etcUpper)); err != nil {
			t.Fatal(err)
		}
	}
}

// nobody is a user that is not root; see setpriv(1).
const nobody = "65534"

// ordinaryCommand turns a command into the same for an ordinary user whose
// runtime directory is dir.
func ordinaryCommand(dir string, cmd ...string) []string {
	return append([]string{
		"setpriv", "--reuid=" + nobody, "--regid=" + nobody, "--clear-groups",
		"env", "XDG_RUNTIME_DIR=" + dir, "HOME=" + dir,
	}, cmd...)
}

// installed is a copy of nslab where every user may run it.
func installed(dir string) (string, error) {
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "nslab")
	return path, os.WriteFile(path, b, 0o755)
}

// mapped says whether that user exists here: a user namespace may have only one.
func mapped() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	f := strings.Fields(string(b))
	return err == nil && len(f) == 3 && len(f[2]) > len(nobody)
}
