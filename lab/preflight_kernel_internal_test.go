package lab

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/kerneltest"
)

// typed changes the machine of the tests.
func typed(t *testing.T, line string) {
	t.Helper()
	if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// TestReadFirewall reads what iptables, nft and the old iptables have written.
func TestReadFirewall(t *testing.T) {
	kerneltest.Need(t)
	for _, tool := range []string{"iptables", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs", tool)
		}
	}
	for _, c := range []struct {
		line     string
		wall     firewall
		forwards []forward
	}{
		{line: "true"},
		{line: "iptables -A FORWARD -i sw -p tcp -j ACCEPT"},
		{line: "iptables -P INPUT DROP; iptables -P INPUT ACCEPT"},
		{"iptables -P FORWARD DROP", firewall{drops: []string{"filter FORWARD policy drop"}}, nil},
		{
			"iptables -P FORWARD DROP; iptables -N DOCKER-USER; iptables -I DOCKER-USER -i sw -j ACCEPT; iptables -I FORWARD -j DOCKER-USER",
			firewall{drops: []string{"filter FORWARD policy drop"}, docker: true, accepts: []string{"sw"}},
			nil,
		},
		{"iptables -A FORWARD -j REJECT", firewall{drops: []string{"filter FORWARD lets nothing through"}}, nil},
		{
			"iptables -P FORWARD DROP; iptables -N ufw-user-forward; iptables -A ufw-user-forward -i sw -m comment --comment by-ufw -j ACCEPT",
			firewall{drops: []string{"filter FORWARD policy drop"}, ufw: true, accepts: []string{"sw"}},
			nil,
		},
		{
			"nft 'table inet firewalld { chain filter_FWDI_trusted { accept; }; chain filter_FORWARD { type filter hook forward priority 10; iifname \"sw\" goto filter_FWDI_trusted; reject with icmpx admin-prohibited; }; }'",
			firewall{drops: []string{"firewalld filter_FORWARD lets nothing through"}, zones: true, accepts: []string{"sw"}},
			nil,
		},
		{
			"iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to 10.0.0.1:80; iptables -t nat -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 54",
			firewall{},
			[]forward{{"tcp", 80, "nat PREROUTING"}, {"udp", 53, "nat PREROUTING"}},
		},
		{
			"nft 'table ip mine { chain c { type nat hook prerouting priority -100; tcp dport 8080 dnat to 10.0.0.1:80; }; }'",
			firewall{},
			[]forward{{"tcp", 8080, "mine c"}},
		},
		{
			"iptables-legacy -P FORWARD DROP; iptables-legacy -I FORWARD -i sw -j ACCEPT; iptables-legacy -A FORWARD -i ov -p tcp --dport 9 -j ACCEPT",
			firewall{drops: []string{"iptables-legacy filter FORWARD policy drop"}, legacy: true, accepts: []string{"sw"}},
			nil,
		},
	} {
		t.Run(c.line, func(t *testing.T) {
			if _, err := exec.LookPath("iptables-legacy"); err != nil && c.wall.legacy {
				t.Skip(err)
			}
			t.Cleanup(func() { typed(t, "nft flush ruleset") })
			if c.wall.legacy {
				t.Cleanup(func() { typed(t, "iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F FORWARD") })
			}
			typed(t, c.line)
			if _, err := os.ReadFile("/proc/thread-self/net/ip_tables_names"); err != nil && c.wall.legacy {
				t.Skipf("needs root, as host: machine does: %v", err)
			}
			var m machine
			if err := readFilter(&m); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.wall, m.wall, cmp.AllowUnexported(firewall{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.forwards, m.forwards, cmp.AllowUnexported(forward{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestReadMachine reads a machine with an uplink, and refuses what would cut it off.
func TestReadMachine(t *testing.T) {
	kerneltest.Need(t)
	t.Setenv("SSH_CONNECTION", "172.20.0.9 50000 192.168.1.7 2222")
	typed(t, "ip link add up0 type veth peer name far; ip addr add 192.168.1.7/24 dev up0; ip link set far up; ip link set up0 up; ip route add default via 192.168.1.1; ip link property add dev up0 altname uplink")
	t.Cleanup(func() { typed(t, "ip link del up0") })
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := uint16(listener.Addr().(*net.TCPAddr).Port)
	m, err := readMachine()
	if err != nil {
		t.Fatal(err)
	}
	if want := []gateway{{netip.MustParseAddr("192.168.1.1"), "up0"}}; !slices.Equal(m.gateways, want) {
		t.Errorf("gateways %v, want %v", m.gateways, want)
	}
	if want := (reach{netip.MustParsePrefix("192.168.1.0/24"), "up0"}); !slices.Contains(m.routes, want) {
		t.Errorf("routes %v, want %v among them", m.routes, want)
	}
	if _, ok := m.listener("tcp", port); !ok {
		t.Errorf("nobody listens on %d in %v", port, m.listening)
	}
	p := compiledFor(t, "name: l\nhost: machine\nbridges: {uplink: {addresses: [192.168.1.9/24, 172.20.0.1/16]}}\nnat: [{dnat: 2222/tcp, to: \"10.7.0.2:80\"}, {dnat: "+
		strconv.Itoa(int(port))+"/tcp, to: \"10.7.0.2:80\"}]\n")
	var got []string
	err = Preflight(p, nil)
	if err == nil {
		t.Fatal("nothing is refused")
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !strings.HasPrefix(line, "  cure: ") {
			got = append(got, line)
		}
	}
	want := []string{
		"lab.yaml:3:11: this machine has an interface uplink already (veth)",
		"lab.yaml:3:32: 192.168.1.0/24 holds 192.168.1.1, the default gateway of this machine (by up0)",
		"lab.yaml:3:48: 172.20.0.0/16 holds 172.20.0.9, from where you are logged in (SSH_CONNECTION): you would be cut off",
		"lab.yaml:4:7: port 2222/tcp is how you are logged in here (SSH_CONNECTION): you would be cut off",
		"lab.yaml:4:44: something on this machine listens on port " + strconv.Itoa(int(port)) + "/tcp (::), and nobody would reach it any more",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
