package lab_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab"
	"nslab/lab/kerneltest"
	"nslab/lab/probe"
)

// small has one of everything that can drift.
const small = `name: small
namespaces:
  host: {forwarding: true}
  red: {gateway: 10.9.0.254, hosts: {blue: 10.9.0.2}, services: [{http: 80, body: hi}]}
  blue: {gateway: 10.9.0.254}
bridges: {sw: {addresses: [10.9.0.254/24]}}
links:
  - endpoints: ["red:eth0 10.9.0.1/24 2001:db8::1/64", "sw:red-br"]
  - endpoints: ["blue:eth0 10.9.0.2/24 2001:db8::2/64", "sw:blue-br"]
nat:
  - masquerade: 10.9.0.0/24
steps:
  - name: first
  - name: second
    bridges: {sw: {addresses: [10.8.0.1/24]}}
  - name: third
    namespaces: {green: {}}
    links:
      - endpoints: ["green:eth0 10.9.0.3/24", "sw:green-br"]
`

// site is where a test builds a lab: the directory of its journal.
type site struct {
	t   *testing.T
	dir string
}

// newSite demands that whatever the test builds is destroyed at its end and
// leaves nothing.
func newSite(t *testing.T) site {
	t.Helper()
	kerneltest.Need(t)
	writableEtc(t)
	s := site{t, labs(t)}
	before := fingerprint(t)
	t.Cleanup(func() {
		s.destroy()
		if diff := cmp.Diff(before, fingerprint(t)); diff != "" {
			t.Errorf("left behind (-before +after):\n%s", diff)
		}
	})
	return s
}

func (s site) destroy() {
	s.t.Helper()
	left, err := lab.List(s.dir)
	if err != nil {
		s.t.Error(err)
	}
	for _, name := range left {
		l := open(s.t, s.dir, name)
		if err := errors.Join(l.Destroy(nil), l.Close()); err != nil {
			s.t.Errorf("destroy: %v", err)
		}
	}
}

// try applies a lab file up to a step, asking no probes, as one nslab would.
func (s site) try(text, to string) (map[string]int, error) {
	s.t.Helper()
	p := plan(s.t, "lab.yaml", text)
	l := open(s.t, s.dir, p.Name())
	verbs := map[string]int{}
	r, err := l.Apply(s.t.Context(), p, lab.Options{To: to, NoVerify: true})
	if r != nil {
		for _, stage := range r.Stages {
			for verb, n := range stage.Verbs {
				verbs[verb] += n
			}
		}
	}
	if cerr := l.Close(); cerr != nil {
		s.t.Error(cerr)
	}
	return verbs, err
}

// apply is a try that must succeed, after which every fact is true.
func (s site) apply(text, to string) map[string]int {
	s.t.Helper()
	verbs, err := s.try(text, to)
	if err != nil {
		s.t.Fatal(err)
	}
	if drift := s.status(); drift != "" {
		s.t.Errorf("status after apply:\n%s", drift)
	}
	return verbs
}

// status is what `nslab status` says of the only lab.
func (s site) status() string {
	s.t.Helper()
	names, err := lab.List(s.dir)
	if err != nil || len(names) != 1 {
		s.t.Fatalf("want one lab, found %v (%v)", names, err)
	}
	l := open(s.t, s.dir, names[0])
	defer l.Close()
	drift, err := l.Status()
	if err != nil {
		s.t.Fatal(err)
	}
	var out strings.Builder
	for _, d := range drift {
		out.WriteString(d.Diff + "\n")
	}
	return out.String()
}

// sh runs a line as a person at the lab's host would.
func sh(t *testing.T, line string) string {
	t.Helper()
	out, err := exec.Command("sh", "-ec", line).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// indexes says which interfaces there are; one that is made again has another index.
func indexes(t *testing.T) string {
	t.Helper()
	return sh(t, "ip -o link | cut -d: -f1,2; for n in $(ip netns list | cut -d' ' -f1 | sort); do echo $n; ip -n $n -o link | cut -d: -f1,2; done")
}

func only(verbs map[string]int, verb string) bool { return len(verbs) == 1 && verbs[verb] > 0 }

func TestApplyTwice(t *testing.T) {
	s := newSite(t)
	if verbs := s.apply(small, ""); !only(verbs, lab.Created) {
		t.Errorf("first: %v", verbs)
	}
	before := indexes(t)
	if verbs := s.apply(small, ""); !only(verbs, lab.Unchanged) {
		t.Errorf("second: %v", verbs)
	}
	if diff := cmp.Diff(before, indexes(t)); diff != "" {
		t.Errorf("interfaces (-before +after):\n%s", diff)
	}
}

// TestDrift breaks a lab by hand: status sees it, apply mends it.
func TestDrift(t *testing.T) {
	s := newSite(t)
	s.apply(small, "")
	before, err := dump()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, breaks, sees string }{
		{"link deleted", "ip -n red link del eth0", "eth0 in red does not exist"},
		{"other end deleted", "ip link del red-br", "eth0 in red does not exist"},
		{"port taken out", "ip link set red-br nomaster", "red-br is not a port of sw"},
		{"switched off", "ip -n red link set eth0 down", "eth0 in red is down"},
		{"switch off", "ip link set sw down", "sw on the host is down"},
		{"switch deleted", "ip link del sw", "sw on the host does not exist"},
		{"address removed", "ip -n red addr del 10.9.0.1/24 dev eth0", "eth0 in red does not have 10.9.0.1/24"},
		{"IPv6 address removed", "ip -n red addr del 2001:db8::1/64 dev eth0", "eth0 in red does not have 2001:db8::1/64"},
		{"route removed", "ip -n red route del default", "red has no route to default"},
		{"rules flushed", "iptables -t nat -F POSTROUTING", `the lab's rule "POSTROUTING -s 10.9.0.0/24 -j MASQUERADE" is missing on the host`},
		{"all rules flushed", "nft flush ruleset", `the lab's rule "POSTROUTING -s 10.9.0.0/24 -j MASQUERADE" is missing on the host`},
		{"namespace deleted", "ip netns del blue", "namespace blue does not exist"},
		{"namespace with a service deleted", "ip netns del red", "namespace red does not exist"},
		{"sysctl changed", "sysctl -qw net.ipv4.ip_forward=0", "net.ipv4.ip_forward on the host is 0, not 1"},
		{"service killed", "p=$(ip netns pids red); kill -9 $p; while kill -0 $p 2>/dev/null; do :; done", "an HTTP server on port 80 in red does not run"},
		{"hosts removed", "rm /etc/netns/red/hosts", "/etc/netns/red/hosts does not exist"},
		{"hosts written", "echo 1.2.3.4 x >> /etc/netns/red/hosts", "/etc/netns/red/hosts says something else"},
		{"mistaken for another", "ip -n red link set eth0 down; ip -n red link set eth0 address 02:00:00:00:00:07", "eth0 in red has the address 02:00:00:00:00:07, not 02:6e:73:12:0a:a9"},
		{"everything", "ip netns del red; ip netns del blue; ip link del sw; nft flush ruleset", "namespace red does not exist"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := site{t, s.dir}
			sh(t, tt.breaks)
			if seen := s.status(); !strings.Contains(seen, tt.sees+"\n") {
				t.Errorf("status says %q, want %q", seen, tt.sees)
			}
			if verbs := s.apply(small, ""); verbs[lab.Configured] == 0 {
				t.Errorf("nothing was mended: %v", verbs)
			}
			after, err := dump()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("not as before (-before +after):\n%s", diff)
			}
		})
	}
}

// TestFileChanged applies a file, then another one of the same lab: the kernel
// must be as if the second had been built from nothing.
func TestFileChanged(t *testing.T) {
	tests := []struct{ name, old, new string }{
		{"address", "10.9.0.1/24 2001:db8::1/64", "10.9.0.7/24 2001:db8::7/64"},
		{"address added behind", "red:eth0 10.9.0.1/24", "red:eth0 10.9.0.1/24 10.9.0.11/24"},
		{"address added before", "red:eth0 10.9.0.1/24", "red:eth0 10.9.0.11/24 10.9.0.1/24"},
		{"rule added before", "- masquerade: 10.9.0.0/24", "- masquerade: 10.1.0.0/16\n  - masquerade: 10.9.0.0/24"},
		{"gateway", "gateway: 10.9.0.254, hosts", "gateway: 10.9.0.2, hosts"},
		{"route removed", "blue: {gateway: 10.9.0.254}", "blue: {}"},
		{"forwarding", "host: {forwarding: true}", "host: {}"},
		{"service", "{http: 80, body: hi}", "{http: 80, body: hello}"},
		{"other service", "{http: 80, body: hi}", "{tcp-echo: 80}"},
		{"rule", "masquerade: 10.9.0.0/24", "masquerade: 10.9.0.0/25"},
		{"rule added behind", "- masquerade: 10.9.0.0/24", "- masquerade: 10.9.0.0/24\n  - masquerade: 10.1.0.0/16"},
		{"interface renamed", `"sw:red-br"`, `"sw:red-port"`},
		{
			"mac", `["red:eth0 10.9.0.1/24 2001:db8::1/64", "sw:red-br"]`,
			`[{node: red, interface: eth0, addresses: [10.9.0.1/24, "2001:db8::1/64"], mac: "02:00:00:00:00:05"}, "sw:red-br"]`,
		},
		{"steps renamed", "name: third", "name: last"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			changed := strings.Replace(small, tt.old, tt.new, 1)
			if changed == small {
				t.Fatalf("the file does not say %q", tt.old)
			}
			s := newSite(t)
			s.apply(changed, "")
			want, err := dump()
			if err != nil {
				t.Fatal(err)
			}
			s.destroy()
			s.apply(small, "")
			s.apply(changed, "")
			got, err := dump()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-built from nothing +changed):\n%s", diff)
			}
		})
	}
}

// TestNamespaceRemoved applies a file without a room that it had.
func TestNamespaceRemoved(t *testing.T) {
	s := newSite(t)
	s.apply(small, "third")
	s.apply(small[:strings.Index(small, "  - name: third")], "")
	if got := sh(t, "ip netns list | cut -d' ' -f1 | sort; ip -br link show master sw | cut -d@ -f1 | sort"); got != "blue\nred\nblue-br\nred-br\n" {
		t.Errorf("found\n%s", got)
	}
}

func TestToAndFro(t *testing.T) {
	s := newSite(t)
	dumps := map[string]string{}
	for step := range strings.FieldsSeq("ground first second third first second ground third second") {
		verbs := s.apply(small, step)
		got, err := dump()
		if err != nil {
			t.Fatal(err)
		}
		want, known := dumps[step]
		if !known {
			dumps[step], want = got, got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("at %s again (-first time +now):\n%s", step, diff)
		}
		if verbs[lab.Configured] > 0 {
			t.Errorf("at %s: %v: nothing had drifted", step, verbs)
		}
	}
	if _, err := s.try(small, "fourth"); !errors.Is(err, lab.ErrNoStage) || err.Error() != `no such step: "fourth" is none of ground, first, second, third` {
		t.Error(err)
	}
}

// TestStepTakesAddressAway is a step after which the kernel has removed more
// than was asked of it: with the last address of an interface go its routes,
// with a first address of a network the others of it.
func TestStepTakesAddressAway(t *testing.T) {
	tests := []struct{ name, ground string }{
		{"the last", "10.9.0.1/24"},
		{"the first of a network", "10.9.0.1/24 10.9.0.7/24"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.apply(fmt.Sprintf(`name: away
namespaces: {red: {routes: [{to: 10.5.0.0/16, dev: eth0}]}, blue: {}}
links:
  - endpoints: ["red:eth0 %s", "blue:eth0 10.9.0.2/24"]
steps:
  - name: first
  - name: next
    remove: ["addresses/red:eth0 10.9.0.1/24"]
  - name: last
    namespaces: {other: {}}
`, tt.ground), "")
		})
	}
}

// TestForeign has something in the way that the lab did not make: the build is
// taken back, the message says what and where, and the thing is as it was.
func TestForeign(t *testing.T) {
	tests := []struct{ name, make, show, unmake, err string }{
		{
			"interface", "ip link add red-br address 02:00:00:00:00:0a type bridge", "ip link show red-br", "ip link del red-br",
			"lab.yaml:8:5: ip link add red-br type veth peer name eth0 netns red: there is an interface red-br on the host already: file exists " +
				"(an interface red-br exists on the host, but this lab did not make it (bridge, 02:00:00:00:00:0a): ip link del red-br, then nslab apply)\nwhat this apply had made was taken back: nothing of it is left",
		},
		{
			"namespace", "ip netns add blue; ip -n blue link add br0 type bridge", "ip netns; ip -n blue link", "ip netns del blue",
			"lab.yaml:5:3: ip netns add blue: namespace \"blue\": file already exists (a namespace blue exists, but this lab did not make it: ip netns del blue, then nslab apply)\n" +
				"what this apply had made was taken back: nothing of it is left",
		},
		{
			"port", "ip link add green-br address 02:00:00:00:00:0a type bridge", "ip link show green-br", "ip link del green-br",
			"lab.yaml:19:9: ip link add green-br type veth peer name eth0 netns green: there is an interface green-br on the host already: file exists " +
				"(an interface green-br exists on the host, but this lab did not make it (bridge, 02:00:00:00:00:0a): ip link del green-br, then nslab apply)\nwhat this apply had made was taken back: nothing of it is left",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			before := sh(t, tt.make+"; "+tt.show)
			defer sh(t, tt.unmake)
			_, err := s.try(small, "")
			if diff := cmp.Diff(tt.err, fmt.Sprint(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			var build *lab.BuildError
			if !errors.Is(err, fs.ErrExist) || !errors.As(err, &build) || build.Left != nil {
				t.Errorf("error %#v", err)
			}
			if shown := sh(t, tt.show); shown != before {
				t.Errorf("the stranger (-before +after):\n%s", cmp.Diff(before, shown))
			}
			if left, err := lab.List(s.dir); err != nil || len(left) > 0 {
				t.Errorf("the lab is not forgotten: %v %v", left, err)
			}
		})
	}
}

// TestForeignLater fails at a later step of a lab that stands: the lab stands
// where it stood.
func TestForeignLater(t *testing.T) {
	s := newSite(t)
	s.apply(small, "second")
	before, err := dump()
	if err != nil {
		t.Fatal(err)
	}
	sh(t, "ip netns add green")
	_, err = s.try(small, "")
	want := "lab.yaml:17:18: ip netns add green: namespace \"green\": file already exists (a namespace green exists, but this lab did not make it: ip netns del green, then nslab apply)\n" +
		"what this apply had made was taken back: it stands at step second"
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	sh(t, "ip netns del green")
	after, err := dump()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if drift := s.status(); drift != "" {
		t.Error(drift)
	}
}

// TestForeignAfterCancel fails at a step that an earlier apply had begun and
// not finished: the lab stands at the step before.
func TestForeignAfterCancel(t *testing.T) {
	s := newSite(t)
	s.apply(small, "second")
	before, err := dump()
	if err != nil {
		t.Fatal(err)
	}
	p := plan(t, "lab.yaml", small)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := open(t, s.dir, p.Name())
	_, err = l.Apply(ctx, p, lab.Options{NoVerify: true, Observer: &stopper{len(p.Facts(2)) + 2, cancel}})
	if err = errors.Join(err, l.Close()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if got := sh(t, "ip netns list | cut -d' ' -f1"); !strings.Contains(got, "green") {
		t.Fatalf("the third step was not begun: %s", got)
	}
	sh(t, "ip link del green-br 2>/dev/null || :; ip link add green-br type bridge")
	_, err = s.try(small, "")
	var build *lab.BuildError
	if !errors.As(err, &build) || build.Left != nil {
		t.Errorf("error %v", err)
	}
	sh(t, "ip link del green-br")
	after, err := dump()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if drift := s.status(); drift != "" {
		t.Error(drift)
	}
}

// stopper ends an apply in the middle.
type stopper struct {
	at     int
	cancel context.CancelFunc
}

func (*stopper) Stage(*lab.Stage, lab.Change) {}
func (*stopper) Check(probe.Result)           {}
func (*stopper) Done(lab.StageReport)         {}
func (s *stopper) Fact(lab.Event) {
	if s.at--; s.at == 0 {
		s.cancel()
	}
}

func TestApplyIsCancelled(t *testing.T) {
	s := newSite(t)
	p := plan(t, "lab.yaml", small)
	for _, at := range []int{1, 7, 20, 30, 36} {
		ctx, cancel := context.WithCancel(t.Context())
		l := open(t, s.dir, p.Name())
		_, err := l.Apply(ctx, p, lab.Options{NoVerify: true, Observer: &stopper{at, cancel}})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at fact %d: %v", at, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		s.apply(small, "")
		s.destroy()
	}
}

// TestWasIsForgotten changes a setting while the lab does not hold it: what
// destroy puts back is what stood there last, not what the lab met first.
func TestWasIsForgotten(t *testing.T) {
	s := newSite(t)
	const text = `name: was
namespaces: {red: {}}
steps:
  - {name: none}
  - {name: more, namespaces: {host: {sysctls: {net.ipv4.conf.all.log_martians: 1}}, red: {hosts: {web: 10.0.0.1}}}}
`
	t.Cleanup(func() { sh(t, "sysctl -qw net.ipv4.conf.all.log_martians=0; rm -rf /etc/netns") })
	s.apply(text, "more")
	s.apply(text, "none")
	const look = "sysctl -n net.ipv4.conf.all.log_martians; cat /etc/netns/red/hosts"
	theirs := sh(t, "sysctl -qw net.ipv4.conf.all.log_martians=1; mkdir -p /etc/netns/red; echo 10.0.0.2 db >/etc/netns/red/hosts; "+look)
	s.apply(text, "more")
	s.destroy()
	if diff := cmp.Diff(theirs, sh(t, look)); diff != "" {
		t.Errorf("what somebody wrote between (-before +after):\n%s", diff)
	}
}
