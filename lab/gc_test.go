package lab_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"nslab/lab"
	"nslab/lab/kerneltest"
	"nslab/lab/netns"
)

func orphans(t *testing.T, dir string) []lab.Orphan {
	t.Helper()
	found, err := lab.Orphans(dir)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func words(found []lab.Orphan) []string {
	var out []string
	for _, o := range found {
		out = append(out, o.Kind+" "+o.Name)
	}
	slices.Sort(out)
	return out
}

func collect(t *testing.T, dir string) {
	t.Helper()
	for _, o := range orphans(t, dir) {
		if err := o.Remove(); err != nil {
			t.Error(err)
		}
	}
	if left := orphans(t, dir); len(left) > 0 {
		t.Errorf("after collecting there still is %v", words(left))
	}
	if err := lab.Tidy(dir); err != nil {
		t.Error(err)
	}
}

// stands builds a lab and leaves it standing, closed.
func stands(t *testing.T, dir string, p *lab.Plan) {
	t.Helper()
	l := open(t, dir, p.Name())
	if _, err := l.Apply(t.Context(), p, lab.Options{NoVerify: true}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCollect loses the state of every lesson while it stands. What carries its
// marks is found and removed, and the machine is as it was.
func TestCollect(t *testing.T) {
	kerneltest.Need(t)
	needs(t, "ip", "nft", "sysctl")
	for _, name := range []string{"red-blue", "port-forward", "dual-stack", "open-vswitch"} {
		t.Run(name, func(t *testing.T) {
			before, rooms := fingerprint(t), netns.DirState()
			p, dir := scenario(t, name), t.TempDir()+"/labs"
			hasAll(t, p)
			stands(t, dir, p)
			if found := orphans(t, dir); len(found) > 0 {
				t.Fatalf("a lab that stands has lost %v", words(found))
			}
			if err := os.RemoveAll(filepath.Join(dir, p.Name())); err != nil {
				t.Fatal(err)
			}
			if len(orphans(t, dir)) < 5 {
				t.Errorf("only %v is found", words(orphans(t, dir)))
			}
			collect(t, dir)
			if diff := cmp.Diff(before, fingerprint(t)); diff != "" {
				t.Errorf("left behind (-before +after):\n%s", diff)
			}
			if got := netns.DirState(); got != rooms {
				t.Errorf("%s is %s, was %s", netns.Dir, got, rooms)
			}
			for _, dir := range []string{dir, "/run/openvswitch"} {
				if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is left: %v", dir, err)
				}
			}
		})
	}
}

const lonely = "name: lonely\nnamespaces: {red: {}, host: {forwarding: true}}\nbridges: {sw: {addresses: [10.7.0.1/24]}}\n" +
	"links:\n  - endpoints: [\"red:eth0 10.7.0.2/24\", \"sw:port\"]\nnat:\n  - masquerade: 10.7.0.0/24\n"

// uncounted is the fingerprint without what rules have counted meanwhile.
func uncounted(t *testing.T) string {
	t.Helper()
	return regexp.MustCompile(`packets \d+ bytes \d+`).ReplaceAllString(fingerprint(t), "packets")
}

// What only looks like ours is left alone, and so is what another lab knows.
func TestCollectLeavesOthers(t *testing.T) {
	kerneltest.Need(t)
	needs(t, "ip", "nft", "iptables")
	kerneltest.Namespace(t, "strange")
	sh(t, `ip link add fake address 02:6e:73:00:00:01 type bridge
ip link add fake2 group 1342177280 type bridge
ip -n strange link set lo alias nslab:lonely:other
iptables -t nat -A POSTROUTING -s 10.99.0.0/24 -m comment --comment "nslab: by hand" -j MASQUERADE`)
	t.Cleanup(func() { sh(t, "ip link del fake; ip link del fake2; nft delete table ip nat") })
	dir := t.TempDir()
	other := strings.NewReplacer("lonely", "other", "red", "blue", "sw", "sx", "port", "plug", "10.7", "10.8").Replace(lonely)
	stands(t, dir, plan(t, "other.yaml", other))
	before := uncounted(t)
	stands(t, dir, plan(t, "lonely.yaml", lonely))
	if err := os.RemoveAll(filepath.Join(dir, "lonely")); err != nil {
		t.Fatal(err)
	}
	want := []string{"interface port", "interface sw", "namespace red", "rule ip nat POSTROUTING masquerade:10.7.0.0/24"}
	if diff := cmp.Diff(want, words(orphans(t, dir))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// A namesake takes the place of ours after the list was made.
	found := orphans(t, dir)
	sh(t, "ip link del sw; ip link add sw type bridge")
	for _, o := range found {
		if err := o.Remove(); err != nil {
			t.Error(err)
		}
	}
	sh(t, "ip link del sw") // it is still there
	if diff := cmp.Diff(before, uncounted(t)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	l := open(t, dir, "other")
	if err := errors.Join(l.Destroy(nil), l.Close()); err != nil {
		t.Error(err)
	}
}

// Labs of which there is half a directory, or half a namespace.
func TestCollectHalves(t *testing.T) {
	kerneltest.Need(t)
	dir := t.TempDir() + "/labs"
	stands(t, dir, plan(t, "one.yaml", "name: one\nnamespaces: {red: {}}\n"))
	if err := netns.Delete("red"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"red", "foreign"} { // as a killed ip netns add leaves it
		if err := os.WriteFile(filepath.Join(netns.Dir, name), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	want := []string{"file /run/netns/red", "state " + dir + "/empty"}
	if diff := cmp.Diff(want, words(orphans(t, dir))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	collect(t, dir)
	if err := os.Remove(filepath.Join(netns.Dir, "foreign")); err != nil {
		t.Errorf("a file that no journal names was removed: %v", err)
	}
	l := open(t, dir, "one")
	if err := errors.Join(l.Destroy(nil), l.Close()); err != nil {
		t.Error(err)
	}
}

// Two labs of one machine want ip_forward; what the kernel changes along with
// it comes back with the last of them, in either order.
func TestForwardingOfTwoLabs(t *testing.T) {
	kerneltest.Need(t)
	needs(t, "ip", "sysctl")
	sh(t, "ip link add va type veth peer name vb; sysctl -qw net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.va.forwarding=1")
	t.Cleanup(func() { sh(t, "ip link del va; sysctl -qw net.ipv4.conf.all.accept_redirects=1") })
	look := func() string {
		return sh(t, "sysctl -a --pattern 'net.ipv4.(ip_forward$|conf.*(forwarding|accept_redirects))'")
	}
	for _, order := range [][]string{{"one", "two"}, {"two", "one"}} {
		before, dir := look(), t.TempDir()
		for _, name := range []string{"one", "two"} {
			stands(t, dir, plan(t, name+".yaml", "name: "+name+"\nnamespaces: {host: {forwarding: true}}\n"))
		}
		for i, name := range order {
			l := open(t, dir, name)
			if err := errors.Join(l.Destroy(nil), l.Close()); err != nil {
				t.Error(err)
			}
			if on := sh(t, "sysctl -n net.ipv4.ip_forward"); (on == "1\n") != (i == 0) {
				t.Errorf("%v: after %s ip_forward is %s", order, name, on)
			}
		}
		if diff := cmp.Diff(before, look()); diff != "" {
			t.Errorf("%v (-before +after):\n%s", order, diff)
		}
	}
}

// Where nobody can see which labs there are, nothing is taken for lost.
func TestCollectBlindly(t *testing.T) {
	kerneltest.Need(t)
	dir := t.TempDir() + "/labs"
	p := plan(t, "lonely.yaml", lonely)
	stands(t, dir, p)
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	found := orphans(t, dir)
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Orphans(dir); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("Orphans: %v, want ENOTDIR", err)
	}
	for _, o := range found {
		if err := o.Remove(); !errors.Is(err, unix.ENOTDIR) {
			t.Errorf("%s %s: %v, want ENOTDIR", o.Kind, o.Name, err)
		}
	}
	if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
		t.Fatal(err)
	}
	l := open(t, dir, p.Name())
	if lost, err := l.Status(); err != nil || len(lost) > 0 {
		t.Errorf("of the lab is gone: %v, %v", lost, err)
	}
	if err := errors.Join(l.Destroy(nil), l.Close()); err != nil {
		t.Error(err)
	}
}
