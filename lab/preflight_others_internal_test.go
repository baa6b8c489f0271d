package lab

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/kerneltest"
)

// shared is a desk where container runtimes and a VPN are at work too.
func shared() *machine {
	m := desk()
	m.etc = map[string]string{"linked": "is a symbolic link, which nslab does not follow", "held": "holds files of somebody else (hosts)"}
	m.links["cni0"], m.links["podman0"], m.links["br-0123456789ab"] = link{kind: "bridge"}, link{kind: "bridge"}, link{kind: "bridge"}
	m.links["own0"] = link{kind: "bridge"}
	m.reservations = []reservation{
		{netip.MustParsePrefix("10.85.0.0/16"), "", "/etc/cni/net.d/10-crio.conflist"},
		{netip.MustParsePrefix("10.86.0.7/32"), "pods", "/var/lib/cni/networks/pods/10.86.0.7"},
		{netip.MustParsePrefix("10.77.0.0/24"), "", "/etc/containers/networks/net.json"},
	}
	return m
}

func TestPreflightOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, want string }{
		{"namespaces: {linked: {}}", "lab.yaml:3:14: /etc/netns/linked is a symbolic link, which nslab does not follow, and `ip netns exec linked` would use it\n  cure: choose another name, or rm -r /etc/netns/linked if nobody needs it\n  cure: or host: sandbox"},
		{"namespaces: {held: {hosts: {web: 10.7.0.2}}}", "lab.yaml:3:14: /etc/netns/held holds files of somebody else (hosts), and "},
		{"namespaces: {free: {}}", ""},
		{"bridges: {cni0: {}}", "lab.yaml:3:11: this machine has an interface cni0 already (bridge), by its name one of container runtimes (CNI)\n  cure: choose another name\n  cure: ip link del cni0, if no container is left that is plugged into it\n"},
		{"bridges: {podman0: {}}", "lab.yaml:3:11: this machine has an interface podman0 already (bridge), by its name one of podman\n  cure: choose another name\n  cure: podman network ls shows whose it is\n"},
		{"bridges: {br-0123456789ab: {}}", "lab.yaml:3:11: this machine has an interface br-0123456789ab already (bridge), by its name one of Docker\n"},
		{"bridges: {own0: {}}", "lab.yaml:3:11: this machine has an interface own0 already (bridge)\n  cure: choose another name\n  cure: or host: sandbox"},
		{"bridges: {sw: {addresses: [10.85.3.1/24]}}", "lab.yaml:3:28: 10.85.3.0/24 overlaps 10.85.0.0/16, of which containers get addresses (/etc/cni/net.d/10-crio.conflist)\n  cure: choose another network, such as 10.78.0.0/24\n"},
		{"bridges: {sw: {addresses: [10.86.0.1/24]}}", "lab.yaml:3:28: 10.86.0.0/24 holds 10.86.0.7, which host-local keeps for a container of the network pods\n  cure: choose another network, such as 10.78.0.0/24\n  cure: rm /var/lib/cni/networks/pods/10.86.0.7, if that container is gone\n"},
		{"cni: {pods: {cniVersion: 1.0.0, plugins: [{type: bridge}]}}\nnamespaces: {red: {cni: [{network: pods}]}}\nbridges: {sw: {addresses: [10.86.0.1/24]}}", ""},
		{"bridges: {sw: {addresses: [10.7.0.1/24]}}\nnat: [{masquerade: 172.16.0.0/12}]", "lab.yaml:4:7: the rule would also rewrite packets that are not the lab's: 172.16.0.0/12 overlaps 172.17.0.0/16, which this machine reaches by docker0\n  cure: name the lab's network in the rule\n"},
		{"bridges: {sw: {addresses: [10.7.0.1/24]}}\nnat: [{masquerade: 0.0.0.0/0}]", "lab.yaml:4:7: the rule would also rewrite packets"},
		{"bridges: {sw: {addresses: [10.7.0.1/24]}}\nnat: [{chain: POSTROUTING, target: MASQUERADE}]", "lab.yaml:4:7: the rule would also rewrite packets"},
		{"bridges: {sw: {addresses: [10.7.0.1/24]}}\nnat: [{masquerade: 10.7.0.0/24}, {masquerade: 10.7.0.0/25}, {masquerade: 0.0.0.0/0, out-dev: sw}, {masquerade: 10.9.0.0/24}]", ""},
		{"namespaces: {red: {}}\nnat: [{in: red, masquerade: 0.0.0.0/0}]", ""},
	} {
		p := compiledFor(t, "name: l\nhost: machine\n"+c.file+"\n")
		got := ""
		for _, col := range shared().preflight(wants(p, nil)) {
			got += col.Error() + "\n"
		}
		if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.file, got, c.want)
		}
	}
}

// TestReadReservations reads what CNI, podman and host-local write down.
func TestReadReservations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"net.d/10-a.conflist":            `{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"bridge","ipam":{"type":"host-local","ranges":[[{"subnet":"10.85.0.0/16"}],[{"subnet":"fd00:85::1/64"}]]}}]}`,
		"net.d/20-b.conf":                `{"name":"b","ipam":{"subnet":"10.88.1.2/16"}}`,
		"net.d/30-c.conf":                `{"subnet": 7, "ipam": {"subnet": "rubbish"}}`,
		"net.d/40-d.conf":                `{`,
		"net.d/50-e.conf.old":            `{"subnet":"10.90.0.0/16"}`,
		"podman/net.json":                `{"name":"net","subnets":[{"subnet":"10.89.0.0/24","gateway":"10.89.0.1"}]}`,
		"leases/pods/10.86.0.7":          "id\neth0",
		"leases/pods/last_reserved_ip.0": "10.86.0.7",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, r := range readReservations([]string{dir + "/net.d", dir + "/podman"}, dir+"/leases") {
		got = append(got, r.to.String()+" "+r.network+" "+filepath.Base(r.file))
	}
	want := []string{"10.85.0.0/16  10-a.conflist", "fd00:85::/64  10-a.conflist", "10.88.0.0/16  20-b.conf", "10.89.0.0/24  net.json", "10.86.0.7/32 pods 10.86.0.7"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReadOthers reads files of /etc/netns, tables of a VPN, and the servers
// behind the stub of systemd-resolved.
func TestReadOthers(t *testing.T) {
	kerneltest.Need(t)
	typed(t, `mkdir -p /etc/netns/held /etc/netns/empty /etc/netns/sly /run/systemd/resolve
		echo >/etc/netns/held/resolv.conf; ln -s /etc/shadow /etc/netns/sly/hosts; ln -s /root /etc/netns/linked; touch /etc/netns/file
		echo nameserver 10.53.7.1 >/run/systemd/resolve/resolv.conf
		ip link add wg0 type veth peer name far; ip link set far up; ip link set wg0 up
		ip route add 10.99.0.0/16 dev wg0 table 51820; ip route add unreachable 10.98.0.0/16 table 51820`)
	t.Cleanup(func() { typed(t, "rm -r /etc/netns /run/systemd; ip link del wg0; ip route flush table 51820") })
	m, err := readMachine()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"held":   "holds files of somebody else (resolv.conf)",
		"sly":    "holds files of somebody else (hosts, a symbolic link)",
		"linked": "is a symbolic link, which nslab does not follow",
		"file":   "is no directory",
	}
	if diff := cmp.Diff(want, m.etc); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for network, want := range map[string]string{
		"10.99.1.0/24": "10.99.1.0/24 overlaps 10.99.0.0/16, which this machine reaches by wg0",
		"10.98.1.0/24": "",
		"127.9.0.0/24": "",
	} {
		if got := m.reached(wanted{}, netip.MustParsePrefix(network)); got != want {
			t.Errorf("%s: got %q, want %q", network, got, want)
		}
	}
	if got := m.needed(netip.MustParsePrefix("10.53.7.0/24")); got != "10.53.7.0/24 holds 10.53.7.1, the DNS server of this machine (resolv.conf)" {
		t.Error(got)
	}
}
