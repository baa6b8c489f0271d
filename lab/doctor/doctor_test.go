package doctor_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"nslab/lab/doctor"
	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

func TestMain(m *testing.M) { os.Exit(kerneltest.Main(m)) }

// words are for the lines below: cover FILE TEXT gives a file of /proc or /sys
// another text, by laying a file over it, or a directory where there is none.
const words = `set -e
cover() {
	mkdir -p /run/covers; f=$(mktemp /run/covers/XXXXXX); printf '%s\n' "$2" >"$f"; chmod 644 "$f"
	if [ -e "$1" ]; then mount --bind "$f" "$1"; else mount -t tmpfs tmpfs "${1%/*}"; cp "$f" "$1"; fi
}
uncover() { umount "$1" 2>/dev/null || umount "${1%/*}"; }
`

// typed changes the machine of the tests.
func typed(t *testing.T, line string) {
	t.Helper()
	if out, err := exec.Command("sh", "-c", words+line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// finding is the answer to the question called key.
func finding(t *testing.T, found []doctor.Finding, key string) doctor.Finding {
	t.Helper()
	i := slices.IndexFunc(found, func(f doctor.Finding) bool { return f.Key == key })
	if i < 0 {
		t.Fatalf("nobody asks for %s", key)
	}
	return found[i]
}

// condition makes something so, and not so again.
type condition struct {
	key         string
	make, undo  string // shell
	state       doctor.State
	says, helps string // parts of what is found, and of its remedies
}

func covered(key, sysctl, value string, state doctor.State, says, helps string) condition {
	path := "/proc/sys/" + strings.ReplaceAll(sysctl, ".", "/")
	return condition{key, "cover " + path + " " + value, "uncover " + path, state, says, helps}
}

var machineConditions = []condition{
	covered("user-namespaces", "user.max_user_namespaces", "0", doctor.Note, "switched off (user.max_user_namespaces = 0)", "sysctl -w user.max_user_namespaces=15000"),
	covered("user-namespaces", "kernel.unprivileged_userns_clone", "0", doctor.Note, "for root only", "sysctl -w kernel.unprivileged_userns_clone=1"),
	covered("user-namespaces", "kernel.apparmor_restrict_unprivileged_userns", "1", doctor.Note, "AppArmor restricts", "{ userns, }"),
	covered("namespace-limits", "user.max_net_namespaces", "0", doctor.Missing, "user.max_net_namespaces = 0", "sysctl -w user.max_net_namespaces=15000"),
	covered("namespace-limits", "user.max_pid_namespaces", "20", doctor.Note, "user.max_pid_namespaces = 20", "sysctl -w user.max_pid_namespaces=15000"),
	covered("inotify", "fs.inotify.max_user_instances", "20", doctor.Note, "20 instances", "sysctl -w fs.inotify.max_user_instances=1024"),
	{
		"neighbour-table",
		"mount -t tmpfs tmpfs /proc/sys/net/ipv4/neigh; mkdir /proc/sys/net/ipv4/neigh/default; echo 128 >/proc/sys/net/ipv4/neigh/default/gc_thresh3",
		"umount /proc/sys/net/ipv4/neigh",
		doctor.Note, "128 entries for all namespaces together (gc_thresh3); 11 rooms", "sysctl -w net.ipv4.neigh.default.gc_thresh3=16384",
	},
	{
		"conntrack-table",
		"cover /proc/sys/net/netfilter/nf_conntrack_max 100; cover /proc/sys/net/netfilter/nf_conntrack_count 95",
		"umount -l /proc/sys/net/netfilter/nf_conntrack_count; umount -l /proc/sys/net/netfilter/nf_conntrack_max",
		doctor.Note, "95 flows of 100", "sysctl -w net.netfilter.nf_conntrack_max=65536",
	},
	{"proc-sys", "cover /proc/kcore secret", "uncover /proc/kcore", doctor.Note, "covered: /proc/kcore", "--privileged"},
	{"proc-sys", "mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys", "umount /proc/sys", doctor.Note, "not writable: /proc/sys", "--privileged"},
	{"processes", "cover /sys/fs/cgroup$(sed -n s/0:://p /proc/$PPID/cgroup | sed s,/$,,)/pids.max 20", "umount /sys/fs/cgroup/pids.max || umount /sys/fs/cgroup", doctor.Note, "only 20 in this control group", "--pids-limit"},
	{"state", "mkdir -m 700 /run/nslab; mount -t tmpfs -o size=1m,mode=700 tmpfs /run/nslab", "umount /run/nslab; rmdir /run/nslab", doctor.Note, "/run/nslab has only 1024 KiB left", "df -h /run/nslab"},
	{"state", "mkdir -m 700 /run/nslab; mount -t tmpfs -o size=64m,nr_inodes=40,mode=700 tmpfs /run/nslab", "umount /run/nslab; rmdir /run/nslab", doctor.Note, "room for only 39 more files", "df -i /run/nslab"},
	{"state", "mkdir -m 700 /run/nslab; mount -t tmpfs -o ro,mode=700 tmpfs /run/nslab", "umount /run/nslab; rmdir /run/nslab", doctor.Missing, "/run/nslab cannot be written to: read-only file system", "mount -o remount,rw /run/nslab"},
	{"state", "mkdir -m 777 /run/nslab; chmod 777 /run/nslab", "rmdir /run/nslab", doctor.Missing, "others can get in", ""},
	{"labs", "umask 077; mkdir -p /run/nslab/labs/torn; echo '{' >/run/nslab/labs/torn/journal", "rm -r /run/nslab", doctor.Note, "1 up, of which half done: torn", "nslab destroy torn"},
	{"leftovers", "umask 077; mkdir -p /run/nslab/sandboxes/dead; touch /run/nslab/sandboxes/dead/lock", "rm -r /run/nslab", doctor.Note, "1 things are left", "nslab gc"},
	{"containers", "ip link add cni0 type bridge", "ip link del cni0", doctor.Note, "cni0 (container runtimes (CNI))", "ip link del cni0, if"},
	{"containers", `mkdir -p /etc/cni/net.d; echo '{"ipam": {"subnet": "10.85.0.0/16"}}' >/etc/cni/net.d/a.conf`, "rm /etc/cni/net.d/a.conf", doctor.Note, "10.85.0.0/16 (/etc/cni/net.d/a.conf)", "cat /etc/cni/net.d/a.conf"},
	{"network-manager", "mkdir /run/NetworkManager", "rmdir /run/NetworkManager", doctor.Note, "here", "managed no"},
	{"docker", "touch /run/docker.sock", "rm /run/docker.sock", doctor.Note, "here", ""},
	{"br-netfilter", "cover /proc/sys/net/bridge/bridge-nf-call-iptables 1", "umount /proc/sys/net/bridge/bridge-nf-call-iptables || umount /proc/sys/net/bridge", doctor.Note, "on (net.bridge.bridge-nf-call-iptables", "sysctl -w net.bridge.bridge-nf-call-iptables=0"},
}

// firewalls are there when their rules are.
var firewallConditions = []condition{
	{"forward", "iptables -P FORWARD DROP", "iptables -P FORWARD ACCEPT", doctor.Note, "filter FORWARD policy drop", "iptables -I FORWARD -i v-net-0 -j ACCEPT"},
	{"docker", "iptables -N DOCKER-USER", "iptables -X DOCKER-USER", doctor.Note, "here", "iptables -I DOCKER-USER -i v-net-0 -j ACCEPT"},
	{"ufw", "iptables -N ufw-user-forward", "iptables -X ufw-user-forward", doctor.Note, "active", "ufw route allow in on v-net-0"},
	{"firewalld", "nft add table inet firewalld '{ chain a { }; }'", "nft delete table inet firewalld", doctor.Note, "active", "firewall-cmd --zone=trusted --add-interface=v-net-0"},
}

// TestMachine makes the condition of each question true and false.
func TestMachine(t *testing.T) {
	kerneltest.Need(t)
	if finding(t, doctor.Machine(), "br-netfilter").State == doctor.Note {
		const off = "/proc/sys/net/bridge/bridge-nf-call-"
		typed(t, "for k in iptables ip6tables arptables; do cover "+off+"$k 0; done")
		t.Cleanup(func() { typed(t, "for k in iptables ip6tables arptables; do uncover "+off+"$k; done") })
		machineConditions = without(machineConditions, "proc-sys") // which the covers make true all the time
	}
	const hide = "for d in /etc/cni/net.d /etc/containers/networks /var/lib/cni/networks; do if [ -d $d ]; then "
	typed(t, hide+"mount -t tmpfs tmpfs $d; fi; done")
	t.Cleanup(func() { typed(t, hide+"umount $d || true; fi; done") })
	healthy(t, doctor.Machine(), machineConditions)
	for _, c := range machineConditions {
		t.Run(c.key, func(t *testing.T) { c.test(t, doctor.Machine) })
	}
}

func TestFirewalls(t *testing.T) {
	kerneltest.Need(t)
	for _, tool := range []string{"iptables", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs", tool)
		}
	}
	healthy(t, doctor.Machine(), firewallConditions)
	for _, c := range firewallConditions {
		t.Run(c.key, func(t *testing.T) { c.test(t, doctor.Machine) })
	}
}

func without(list []condition, key string) []condition {
	return slices.DeleteFunc(slices.Clone(list), func(c condition) bool { return c.key == key })
}

func (c condition) test(t *testing.T, look func() []doctor.Finding) {
	t.Helper()
	typed(t, c.make)
	f := finding(t, look(), c.key)
	typed(t, c.undo)
	if f.State != c.state || !strings.Contains(f.Found, c.says) || !strings.Contains(strings.Join(f.Remedy, "\n"), c.helps) {
		t.Errorf("%s: %+v\nwant %s, %q, and the remedy %q", c.make, f, c.state, c.says, c.helps)
	}
	if f := finding(t, look(), c.key); f.State != doctor.OK {
		t.Errorf("after: %+v", f)
	}
}

// healthy demands that no condition is true yet.
func healthy(t *testing.T, found []doctor.Finding, conditions []condition) {
	t.Helper()
	for _, c := range conditions {
		if f := finding(t, found, c.key); f.State != doctor.OK {
			t.Errorf("before: %+v", f)
		}
	}
}

// TestPrograms looks where there are none.
func TestPrograms(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, name := range []string{"ip", "iptables", "nft", "ping", "curl"} {
		f := finding(t, doctor.Machine(), name)
		if f.State != doctor.Note || len(f.Remedy) != 1 || !strings.HasPrefix(f.Remedy[0], "apt-get install ") {
			t.Errorf("%+v", f)
		}
	}
}

// TestSandbox puts something in the way of each trial.
func TestSandbox(t *testing.T) {
	kerneltest.Need(t)
	conditions := []condition{
		{"namespaces", "ip netns add try", "ip netns del try", doctor.Missing, "exist", "CONFIG_NET_NS"},
		{"veth", "ip link add try-a type bridge", "ip link del try-a", doctor.Missing, "exist", "modprobe veth"},
		{"bridge", "ip link add try type veth peer name other", "ip link del try", doctor.Missing, "exist", "modprobe bridge"},
		{"macvlan", "ip link add try type bridge", "ip link del try", doctor.Note, "only labs with macvlan need it: ", "modprobe macvlan"},
		{"vxlan", "ip link add try type bridge", "ip link del try", doctor.Note, "only labs with vxlan tunnels need it: ", "modprobe vxlan"},
		{"ipv6", "ip link add try type bridge", "ip link del try", doctor.Note, "only labs with IPv6", "modprobe ipv6"},
		{"forwarding", "mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys", "umount /proc/sys", doctor.Missing, "read-only", "--privileged"},
		{"nat", "nft add table ip nat '{ chain POSTROUTING { }; }'", "nft delete table ip nat", doctor.Missing, "POSTROUTING", "nft_compat"},
		{"filter", "nft delete table ip filter 2>/dev/null || true; nft add table ip filter '{ chain FORWARD { type filter hook output priority 0; }; }'", "nft delete table ip filter", doctor.Missing, "FORWARD", "nft_compat"},
	}
	healthy(t, doctor.Sandbox(), conditions)
	for _, c := range conditions {
		t.Run(c.key, func(t *testing.T) { c.test(t, doctor.Sandbox) })
	}
}

// TestEveryKind demands a trial for every kind of link: a line in trials.go.
func TestEveryKind(t *testing.T) {
	kerneltest.Need(t)
	found := doctor.Sandbox()
	for _, kind := range op.Kinds() {
		if f := finding(t, found, kind); f.State != doctor.OK {
			t.Errorf("%+v", f)
		}
	}
}

// TestKeys holds the names by which programs know the findings.
func TestKeys(t *testing.T) {
	kerneltest.Need(t)
	var got strings.Builder
	found := doctor.Machine()
	found = append(append(found, doctor.Started(nil)), doctor.Sandbox()...)
	for _, f := range found {
		got.WriteString(f.Key + "\n")
	}
	want, err := os.ReadFile("testdata/keys")
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the keys are\n%swant\n%s", got.String(), want)
	}
}

// TestJSON holds what support reads.
func TestJSON(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal([]doctor.Finding{
		doctor.NotStarted(errors.New("not here"), "sysctl -w a=1"), doctor.Started([]string{"could not mount /proc: operation not permitted"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"key":"sandbox","what":"a sandbox","state":"missing","found":"not here","remedy":["sysctl -w a=1"]}`,
		`"state":"note","found":"started, but it could not mount /proc: operation not permitted","remedy":["docker run --privileged ..."`,
	} {
		if !strings.Contains(strings.Replace(string(got), "started, no root needed,", "started,", 1), want) {
			t.Errorf("%s\nhas no %s", got, want)
		}
	}
}
