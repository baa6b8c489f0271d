package proof_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/proof"
)

var scope = proof.Scope{State: []string{"/run/nslab"}, Ours: func(n string) bool { return n == "demo" }}

func take(t *testing.T) proof.Print {
	t.Helper()
	p, err := proof.Take(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sh runs a command line and skips the test where its program is missing.
func sh(t *testing.T, line string) {
	t.Helper()
	if program := strings.Fields(line)[0]; program == "ip" || program == "nft" || program == "bridge" || program == "tc" {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "sh", "-ec", line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// equalAgain demands that the machine gets back to a print.
func equalAgain(t *testing.T, before proof.Print) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, diff, err := proof.Await(ctx, scope, before)
	if err != nil || len(diff) > 0 {
		t.Fatalf("not as before: %v\n%s", err, cmp.Diff([]proof.Difference(nil), diff))
	}
}

// ground is a machine that has something of everything.
func ground(t *testing.T) {
	t.Helper()
	kerneltest.Need(t)
	if err := unix.Mount("tmpfs", "/etc/iproute2", "tmpfs", 0, ""); err != nil {
		t.Fatal("an /etc/iproute2 of its own:", err)
	}
	sh(t, "ip link add br0 address 02:00:00:00:00:01 type bridge; ip link set br0 up; ip address add 10.9.0.1/24 dev br0")
	sh(t, "ip netns add base; for i in a b c; do ip link add ${i}0 type veth peer name ${i}1 netns base; done")
	sh(t, "for i in a b c; do ip -n base link set ${i}1 up; ip link set ${i}0 up; done; ip link set b0 master br0")
	t.Cleanup(func() {
		sh(t, "ip netns del base; ip link del br0; for i in a b c; do ip link del ${i}0 || true; done")
	})
	sh(t, "while ip -6 addr | grep -q tentative; do :; done")
}

func TestChanges(t *testing.T) {
	ground(t)
	for _, tt := range []struct{ section, want, do, undo string }{
		{"links", `^new: d0: index=`, "ip link add d0 type veth peer name d1", "ip link del d0"},
		{"links", `^br0: was .*mtu=1500, is .*mtu=1400$`, "ip link set br0 mtu 1400", "ip link set br0 mtu 1500"},
		{"links", `alias=mine`, "ip link set br0 alias mine", "ip link set br0 alias ''"},
		{"links", `group=77`, "ip link set a0 group 77", "ip link set a0 group 0"},
		{"links", `master=br0`, "ip link set c0 master br0", "ip link set c0 nomaster"},
		{"links", `altname=other`, "ip link property add dev a0 altname other", "ip link property del dev a0 altname other"},
		{"links", `promiscuity=1`, "ip link set a0 promisc on", "ip link set a0 promisc off"},
		{"addresses", `^new: a0 10.8.0.1/24: `, "ip addr add 10.8.0.1/24 dev a0", "ip addr del 10.8.0.1/24 dev a0"},
		{"addresses", `^new: a0 fd00::1/64: `, "ip addr add fd00::1/64 dev a0", "ip addr del fd00::1/64 dev a0"},
		{"routes", `^new: ipv4 table 254 10.7.0.0/16: .*dev=br0`, "ip route add 10.7.0.0/16 dev br0", "ip route del 10.7.0.0/16"},
		{"routes", `^new: ipv4 table 77 default: .*dev=br0`, "ip route add default dev br0 table 77", "ip route del default table 77"},
		{"routes", `^new: ipv6 table 254 fd01::/64: `, "ip route add fd01::/64 dev br0", "ip route del fd01::/64 dev br0"},
		{"nexthops", `^new: nexthop 5: `, "ip nexthop add id 5 dev br0", "ip nexthop del id 5"},
		{"rules", `^new: ipv4 rule 50: .*table=77`, "ip rule add pref 50 table 77", "ip rule del pref 50"},
		{"neighbours", `^new: br0 10.9.0.9: .*mac=02:`, "ip neigh add 10.9.0.9 lladdr 02:00:00:00:00:09 dev br0 nud permanent", "ip neigh del 10.9.0.9 dev br0"},
		{"proxies", `^new: br0 10.9.0.8: `, "ip neigh add proxy 10.9.0.8 dev br0", "ip neigh del proxy 10.9.0.8 dev br0"},
		{"fdb", `^new: br0: .*mac=02:00:00:00:00:07`, "bridge fdb add 02:00:00:00:00:07 dev br0 self local", "bridge fdb del 02:00:00:00:00:07 dev br0 self local"},
		{"qdiscs", `kind=pfifo`, "tc qdisc replace dev a0 root handle 7: pfifo", "tc qdisc del dev a0 root"},
		{"namespace-ids", `^new: nsid 9$`, "ip netns add idle; ip netns set idle 9", "ip netns del idle"},
		{"nftables", `^new: table ip lab: `, "nft add table ip lab", "nft delete table ip lab"},
		{"nftables", `^new: chain ip lab c: `, "nft add table ip lab '{ chain c { type nat hook postrouting priority 100; }; }'", "nft delete table ip lab"},
		{"nftables", `^new: rule ip lab c handle 2: does=.*counter.*masq`, "nft add table ip lab '{ chain c { type nat hook postrouting priority 100; ip saddr 10.0.0.0/8 counter masquerade; }; }'", "nft delete table ip lab"},
		{"nftables", `^new: element of ip lab s 0a000001: `, "nft add table ip lab '{ set s { type ipv4_addr; elements = { 10.0.0.1 }; }; }'", "nft delete table ip lab"},
		{"sysctls", `^net.ipv4.ip_forward: was 0, is 1$`, "echo 1 >/proc/sys/net/ipv4/ip_forward", "echo 0 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv4/conf/all/accept_redirects"},
		{"sysctls", `^net.ipv4.conf.br0.rp_filter: was `, "cat /proc/sys/net/ipv4/conf/br0/rp_filter >/run/rp; echo 2 >/proc/sys/net/ipv4/conf/br0/rp_filter", "cat /run/rp >/proc/sys/net/ipv4/conf/br0/rp_filter; rm /run/rp"},
		{"namespaces", `^new: /run/netns/red: namespace inode=`, "ip netns add red", "ip netns del red"},
		{"namespaces", `^new: /run/netns/stale: no-namespace`, ": >/run/netns/stale", "rm /run/netns/stale"},
		{"mounts", `^new: /run/netns/red: `, "ip netns add red", "ip netns del red"},
		{"etc", `^new: /etc/iproute2/red/hosts: mode=`, "mkdir /etc/iproute2/red; echo x >/etc/iproute2/red/hosts", "rm -r /etc/iproute2/red"},
		{"state", `^new: /run/nslab/demo/lock: `, "mkdir -p /run/nslab/demo; : >/run/nslab/demo/lock", "rm -r /run/nslab"},
		{"state", `^new: /run/nslab: empty$`, "mkdir /run/nslab", "rmdir /run/nslab"},
	} {
		t.Run(tt.section+"/"+tt.do, func(t *testing.T) {
			before := take(t)
			sh(t, tt.do)
			changes := changesOf(proof.Compare(before, take(t)), tt.section)
			sh(t, tt.undo)
			if want := regexp.MustCompile(tt.want); !slices.ContainsFunc(changes, want.MatchString) {
				t.Errorf("want a change in %s like %s, found\n%s", tt.section, tt.want, strings.Join(changes, "\n"))
			}
			equalAgain(t, before)
		})
	}
}

func changesOf(diff []proof.Difference, section string) []string {
	for _, d := range diff {
		if d.Section == section {
			return d.Changes()
		}
	}
	return nil
}

// Two looks at a machine that nobody changes are equal, also when packets fly
// and addresses have just been made.
func TestNoChange(t *testing.T) {
	kerneltest.Need(t)
	sh(t, "ip link add n0 type veth peer name n1; ip link set n1 up")
	t.Cleanup(func() { sh(t, "ip link del n0") })
	sh(t, "nft add table ip lab '{ chain c { type filter hook output priority 0; counter; }; }'")
	t.Cleanup(func() { sh(t, "nft delete table ip lab") })
	before := take(t)
	for range 3 {
		sh(t, "ip -s link >/dev/null; ping -c1 -W1 127.0.0.1 >/dev/null || true")
		if d := proof.Compare(before, take(t)); len(d) > 0 {
			t.Errorf("(-want +got)\n%s", cmp.Diff([]proof.Difference(nil), d))
		}
	}
}

// An address that is being checked for duplicates is the one that it will be.
func TestTentative(t *testing.T) {
	kerneltest.Need(t)
	sh(t, "ip link add n0 type veth peer name n1; ip link set n0 up; ip link set n1 up")
	t.Cleanup(func() { sh(t, "ip link del n0") })
	sh(t, "ip addr add fd00::5/64 dev n0")
	early := take(t).Section("addresses")
	sh(t, "while ip -6 addr show dev n0 | grep -q tentative; do :; done")
	if d := cmp.Diff(early, take(t).Section("addresses")); d != "" {
		t.Errorf("(-early +late)\n%s", d)
	}
}

// The processes of the lab that is meant are seen, those of others are not.
func TestProcesses(t *testing.T) {
	kerneltest.Need(t)
	before := take(t)
	for _, tt := range []struct {
		args []string
		want int
	}{
		{[]string{"nslab", "hold", "demo"}, 1},
		{[]string{"nslab", "hold", "other"}, 0},
		{[]string{"nslab", "serve", "http", "80"}, 1},
		{[]string{"sleep", "hold", "demo-2"}, 0},
	} {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Args = tt.args
		cmd.Env = append(os.Environ(), waitForEnd+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := stdout.Read(make([]byte, 1)); err != nil { // its command line is visible now
			t.Fatal(err)
		}
		if got := changesOf(proof.Compare(before, take(t)), "processes"); len(got) != tt.want {
			t.Errorf("%v: %q, want %d lines", tt.args, got, tt.want)
		}
		stdin.Close()
		_ = cmd.Wait()
	}
	equalAgain(t, before)
}

// Prints survive JSON, with their order.
func TestJSON(t *testing.T) {
	t.Parallel()
	want := proof.Print{{"routes", []string{"b", `a "quoted"`}}, {"links", []string{}}}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(b); got != `{"routes":["b","a \"quoted\""],"links":[]}` {
		t.Error(got)
	}
	var got proof.Print
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if err := json.Unmarshal([]byte(`[]`), &got); err == nil || !strings.Contains(err.Error(), "an object of sections") {
		t.Errorf("a list is a print: %v", err)
	}
}

// While interfaces and rules come and go, every print has all of what stays.
func TestInterrupted(t *testing.T) {
	kerneltest.Need(t)
	before := take(t)
	ctx, stop := context.WithCancel(t.Context())
	flood := exec.CommandContext(ctx, "sh", "-c",
		"while :; do ip link add f0 type veth peer name f1; nft add table ip flood; ip link del f0; nft delete table ip flood; done")
	if err := flood.Start(); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		p := take(t)
		for _, d := range proof.Compare(before, p) {
			if len(d.Gone) > 0 {
				t.Fatalf("%s: missing although nobody took it away: %q", d.Section, d.Gone)
			}
		}
	}
	stop()
	_ = flood.Wait()
	sh(t, "ip link del f0 2>/dev/null || true; nft delete table ip flood 2>/dev/null || true")
	equalAgain(t, before)
}
