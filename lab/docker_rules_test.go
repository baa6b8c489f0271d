package lab_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nslab/lab/kerneltest"
)

// savedRules are the lines of iptables-save that say something: not when it was
// said, how many packets have passed, and that a rule is ours.
func savedRules(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		line = notRule.ReplaceAllString(strings.TrimSpace(line), "")
		if line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

var notRule = regexp.MustCompile(` \[\d+:\d+\]$| -m comment --comment "?nslab[^" ]*"?`)

// Rule by rule, in Docker's order.
func TestDockerRules(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "iptables-save")
	for _, tt := range []struct {
		scenario, step, session, command string
		nth                              int
	}{
		{"docker-bridge", "chains", "default-bridge", "iptables-save", 0},
		{"docker-bridge", "reuse", "default-bridge", "iptables-save", 0},
		{"docker-link", "no-names", "link", "iptables-save", 0},
		{"docker-link", "restart", "link", "iptables-save", 0},
		{"docker-publish", "engine", "default-bridge", "iptables-save", 0},
		{"docker-publish", "publish", "publish", "iptables-save", 0},
		{"docker-publish", "forms", "publish", "iptables-save -t nat", 0},
		{"docker-publish", "forms", "publish", "iptables-save -t filter", 0},
		{"docker-proxy", "both", "publish", "iptables-save", 0},
		{"docker-proxy", "proxy-killed", "publish", "iptables-save", 0},
	} {
		want := savedRules(recorded(t, tt.session, tt.command, tt.nth))
		got := savedRules(elsewhere(t, "typed", tt.scenario, tt.step, tt.command))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, step %s: %s (-docker +nslab):\n%s", tt.scenario, tt.step, tt.command, diff)
		}
	}
}

// The recording has net1 in 172.20.0.0/16, as TestDockerUserNetwork tells. The
// masquerades are in another order, as the lesson says.
func TestDockerIsolation(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "iptables-save")
	want := strings.ReplaceAll(recorded(t, "user-bridge", "iptables-save", 0), "172.20.", "172.18.")
	got := elsewhere(t, "typed", "docker-user-network", "isolation", "iptables-save")
	if diff := cmp.Diff(masqueradesSorted(savedRules(want)), masqueradesSorted(savedRules(got))); diff != "" {
		t.Errorf("iptables-save (-docker +nslab):\n%s", diff)
	}
}

func masqueradesSorted(rules []string) []string {
	var masquerades []string
	rest := slices.DeleteFunc(rules, func(r string) bool {
		is := strings.HasPrefix(r, "-A POSTROUTING ")
		if is {
			masquerades = append(masquerades, r)
		}
		return is
	})
	slices.Sort(masquerades)
	return append(rest, masquerades...)
}

// Docker sets the policy of FORWARD only when it switches forwarding on itself.
// In this recording it was on already.
func TestDockerRulesWithoutProxy(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "iptables-save")
	want := recorded(t, "userland-proxy-false", "iptables-save", 0)
	want = strings.Replace(want, ":FORWARD ACCEPT", ":FORWARD DROP", 1)
	got := elsewhere(t, "typed", "docker-proxy", "engine-without", "iptables-save")
	if diff := cmp.Diff(savedRules(want), savedRules(got)); diff != "" {
		t.Errorf("iptables-save (-docker +nslab):\n%s", diff)
	}
}

// What Docker without its proxy asks of the kernel besides: bridged frames meet the
// rules, and the plug of every container sends frames back.
func TestDockerSettingsWithoutProxy(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "ip", "sysctl")
	for _, command := range []string{
		"sysctl net.ipv4.conf.docker0.route_localnet net.ipv4.conf.all.route_localnet net.bridge.bridge-nf-call-iptables",
		`ip -d link show type veth master docker0 | grep -o "hairpin [a-z]*"`,
	} {
		want := strings.TrimSpace(recorded(t, "userland-proxy-false", command, 0))
		got := elsewhere(t, "typed", "docker-proxy", "hairpin", command+" | uniq") // the lesson has two containers
		if diff := cmp.Diff(want, strings.TrimSpace(got)); diff != "" {
			t.Errorf("%s (-docker +nslab):\n%s", command, diff)
		}
	}
}

// With --icc=false a link opens a hole. In the recording it is app, 172.17.0.4,
// that is linked to port 80 of db, 172.17.0.2; and forwarding was on already.
func TestDockerHole(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "iptables-save")
	want := strings.NewReplacer(
		":FORWARD ACCEPT", ":FORWARD DROP", "172.17.0.4/32", "172.17.0.3/32", "172.17.0.2/32", "172.17.0.4/32", "port 80 ", "port 3306 ",
	).Replace(recorded(t, "icc-false", "iptables-save", 0))
	got := elsewhere(t, "typed", "docker-link", "hole", "iptables-save")
	if diff := cmp.Diff(savedRules(want), savedRules(got)); diff != "" {
		t.Errorf("iptables-save (-docker +nslab):\n%s", diff)
	}
}

// The networks macvlan and overlay have no rules. What a real Docker has besides
// are those of docker0, and of docker_gwbridge, which the lesson leaves out.
func TestDockerNoRules(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "iptables-save")
	docker0 := savedRules(recorded(t, "default-bridge", "iptables-save", 0))
	for _, tt := range []struct{ scenario, step, session string }{
		{"docker-macvlan", "children", "macvlan"}, {"docker-overlay", "fdb", "overlay"},
	} {
		want := slices.DeleteFunc(savedRules(recorded(t, tt.session, "iptables-save", 0)), func(r string) bool {
			return slices.Contains(docker0, r) || strings.Contains(r, "docker_gwbridge")
		})
		got := savedRules(elsewhere(t, "typed", tt.scenario, tt.step, "iptables-save"))
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: iptables-save (-docker +nslab):\n%s", tt.scenario, diff)
		}
	}
}

// proxies are the command lines of docker-proxy in a list of processes.
func proxies(text string) []string {
	out := regexp.MustCompile(`docker-proxy -proto .*`).FindAllString(text, -1)
	slices.Sort(out)
	return out
}

func TestDockerProxies(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "ps")
	for _, tt := range []struct{ scenario, step, command string }{
		{"docker-publish", "publish", "ps -eo pid,ppid,user,args | grep [d]ocker-proxy"},
		{"docker-publish", "forms", "ps -eo pid,args | grep [d]ocker-proxy"},
		{"docker-proxy", "rules-gone", "ps -eo pid,ppid,user,args | grep [d]ocker-proxy"},
	} {
		want := proxies(recorded(t, "publish", tt.command, 0))
		got := proxies(elsewhere(t, "typed", tt.scenario, tt.step, "ps -eo pid,args"))
		if diff := cmp.Diff(want, got); len(want) == 0 || diff != "" {
			t.Errorf("%s, step %s: the proxies (-docker +nslab):\n%s", tt.scenario, tt.step, diff)
		}
	}
	if got := proxies(elsewhere(t, "typed", "docker-proxy", "proxy-killed", "ps -eo pid,args")); got != nil {
		t.Errorf("docker-proxy, step proxy-killed: there are %q", got)
	}
}
