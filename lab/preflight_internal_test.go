package lab

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/topology"
)

// desk is a machine as a teacher has it: one card, one network, SSH.
func desk() *machine {
	return &machine{
		rooms:     map[string]string{"work": liveRoom, "stale": plainFile, "lost": lostRoom},
		links:     map[string]link{"lo": {kind: "device"}, "eth0": {kind: "device", card: true}, "docker0": {kind: "bridge"}, "left": {kind: "bridge", lost: true}},
		routes:    []reach{{netip.MustParsePrefix("192.168.1.0/24"), "eth0"}, {netip.MustParsePrefix("172.17.0.0/16"), "docker0"}},
		gateways:  []gateway{{netip.MustParseAddr("192.168.1.1"), "eth0"}},
		addresses: []netip.Addr{netip.MustParseAddr("192.168.1.7")},
		resolvers: []netip.Addr{netip.MustParseAddr("10.53.0.1")},
		ssh:       parseLogin("10.44.0.9 50022 192.168.1.7 22", ""),
		listening: []socket{{"tcp", netip.MustParseAddr("0.0.0.0"), 443}, {"tcp", netip.MustParseAddr("127.0.0.1"), 631}},
		forwards:  []forward{{"tcp", 8000, "nat DOCKER"}},
		chains:    map[string]bool{"ip nat DOCKER": true},
	}
}

func compiledFor(t *testing.T, text string) *Plan {
	t.Helper()
	top, err := topology.Parse(topology.Source{Name: "lab.yaml", Text: []byte(text)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(top, true)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const web = "bridges: {sw: {}}\nlinks: [{endpoints: [\"web:eth0 10.7.0.2/24\", \"sw:p\"]}]\nnamespaces: {web: {ports: "

func TestPreflight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, want string }{
		{"bridges: {sw: {addresses: [10.7.0.1/24]}}", ""},
		{"namespaces: {work: {}}", "lab.yaml:3:14: this machine has a namespace work already"},
		{"namespaces: {stale: {}}", "lab.yaml:3:14: /run/netns/stale is a plain file: what a killed program, or a reboot, has left of a namespace\n  cure: ip netns del stale"},
		{"namespaces: {lost: {}}", "lab.yaml:3:14: a namespace lost is left of a lab whose state is lost\n  cure: nslab gc"},
		{"bridges: {left: {}}", "lab.yaml:3:11: an interface left is left of a lab whose state is lost\n  cure: nslab gc"},
		{"bridges: {eth0: {}}", "lab.yaml:3:11: eth0 is a network card of this machine"},
		{"bridges: {docker0: {}}", "lab.yaml:3:11: this machine has an interface docker0 already (bridge)"},
		{"bridges: {sw: {addresses: [192.168.1.5/24]}}", "lab.yaml:3:28: 192.168.1.0/24 holds 192.168.1.1, the default gateway of this machine (by eth0)\n  cure: choose another network, such as 10.77.0.0/24"},
		{"bridges: {sw: {addresses: [192.168.1.1/30]}}", "lab.yaml:3:28: 192.168.1.0/30 holds 192.168.1.1, the default gateway"},
		{"bridges: {sw: {addresses: [192.168.1.129/25]}}", "lab.yaml:3:28: 192.168.1.128/25 overlaps 192.168.1.0/24, which this machine reaches by eth0"},
		{"bridges: {sw: {addresses: [172.17.0.1/24]}}", "lab.yaml:3:28: 172.17.0.0/24 overlaps 172.17.0.0/16, which this machine reaches by docker0"},
		{"bridges: {sw: {addresses: [10.53.0.9/24]}}", "lab.yaml:3:28: 10.53.0.0/24 holds 10.53.0.1, the DNS server of this machine"},
		{"bridges: {sw: {addresses: [10.44.0.1/16]}}", "lab.yaml:3:28: 10.44.0.0/16 holds 10.44.0.9, from where you are logged in (SSH_CONNECTION): you would be cut off"},
		{"bridges: {sw: {addresses: [8.8.8.1/24]}}", "lab.yaml:3:28: 8.8.8.0/24 belongs to the Internet: this machine would no longer reach the real one"},
		{"bridges: {sw: {addresses: [\"2600::1/64\"]}}", "lab.yaml:3:28: 2600::/64 belongs to the Internet"},
		{"bridges: {sw: {addresses: [\"fd00:1::1/64\"]}}", ""},
		{"bridges: {sw: {addresses: [203.0.113.1/24]}}", ""},
		{"bridges: {sw: {addresses: [10.7.0.1/24]}}\nnat: [{dnat: 22/tcp, to: \"10.7.0.2:80\"}]", "lab.yaml:4:7: port 22/tcp is how you are logged in here (SSH_CONNECTION): you would be cut off"},
		{"bridges: {sw: {addresses: [10.7.0.1/24]}}\nnat: [{dnat: 443/tcp, to: \"10.7.0.2:80\"}]", "lab.yaml:4:7: something on this machine listens on port 443/tcp (0.0.0.0), and nobody would reach it any more\n  cure: choose another port, such as 8080/tcp"},
		{"bridges: {sw: {addresses: [10.7.0.1/24]}}\nnat: [{dnat: 443/udp, to: \"10.7.0.2:80\"}]", ""},
		{"bridges: {sw: {addresses: [10.7.0.1/24]}}\nnat: [{dnat: 631/tcp, to: \"10.7.0.2:80\"}]", ""},
		{"bridges: {sw: {addresses: [10.7.0.1/24]}}\nnat: [{dnat: 443/tcp, in-dev: sw, to: \"10.7.0.2:80\"}]", ""},
		{"bridges: {sw: {addresses: [10.7.0.1/24]}}\nnat: [{dnat: 8000/tcp, to: \"10.7.0.2:80\"}]", "lab.yaml:4:7: port 8000/tcp is led elsewhere already on this machine, by a rule in nat DOCKER"},
		{"bridges: {sw: {}}\nnat: [{chain: PREROUTING, protocol: tcp, dport: 443, target: DNAT, to: \"10.7.0.2:80\"}]", "lab.yaml:4:7: something on this machine listens on port 443/tcp (0.0.0.0)"},
		{web + "[\"443:80\"]}}", "lab.yaml:5:28: something on this machine listens on port 443/tcp (0.0.0.0)"},
		{web + "[{published: 443, target: 80, nat: false}]}}", "lab.yaml:5:28: something on this machine listens on port 443/tcp (0.0.0.0)"},
		{web + "[\"127.0.0.1:443:80\", \"8443:443\"]}}", ""},
		{"bridges: {sw: {}}\nnat: [{chain: DOCKER}]", "lab.yaml:4:7: this machine has a chain DOCKER in table nat already\n  cure: choose another name"},
		{"bridges: {sw: {}}\nnat: [{chain: DOCKER, family: ipv6}]\nfilter: [{chain: DOCKER}]", ""},
		{"bridges: {sw: {}}\nfilter: [{chain: FORWARD, policy: DROP}]", "lab.yaml:4:10: the policy of FORWARD is for every packet of this machine, not for the lab's alone\n  cure: a rule with an `in-dev`"},
		{"bridges: {sw: {}}\nfilter: [{chain: INPUT, in-dev: \"!sw\", target: DROP}]", "lab.yaml:4:10: the rule would stop packets of this machine, not of the lab alone"},
		{"bridges: {sw: {}}\nfilter: [{chain: INPUT, in-dev: sw, target: DROP}, {chain: FORWARD, target: ACCEPT}]", ""},
		{"namespaces: {red: {}}\nfilter: [{in: red, chain: INPUT, policy: DROP}, {in: red, chain: INPUT, target: DROP}]", ""},
		{"namespaces: {host: {sysctls: {net.ipv6.conf.all.forwarding: 1}}}", "lab.yaml:3:31: net.ipv6.conf.all.forwarding=1 would change IPv6 of the whole machine"},
		{"namespaces: {red: {sysctls: {net.ipv6.conf.all.forwarding: 1}}}", ""},
		{"namespaces: {host: {resolv: {nameservers: 10.7.0.2}}}", "lab.yaml:3:29: the resolv.conf of the host is that of this whole machine"},
		{"namespaces: {red: {resolv: {nameservers: 10.7.0.2}}}", ""},
		{"bridges: {sw: {addresses: [10.7.0.1/24]}}\nnamespaces: {host: {routes: [{to: default, via: 10.7.0.2}]}}", "lab.yaml:4:30: this machine has a default route already, by 192.168.1.1 on eth0"},
		{"bridges: {sw: {addresses: [10.7.0.1/24]}}\nnamespaces: {host: {routes: [{to: 10.44.0.0/24, via: 10.7.0.2}]}}", "lab.yaml:4:30: 10.44.0.0/24 holds 10.44.0.9, from where you are logged in"},
	} {
		p := compiledFor(t, "name: l\nhost: machine\n"+c.file+"\n")
		got := ""
		for _, col := range desk().preflight(wants(p, nil)) {
			got += col.Error() + "\n"
		}
		if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.file, got, c.want)
		}
	}
}

// Everything at once, in the order of the file; and what a later step removes
// is looked at too.
func TestPreflightReportsEverything(t *testing.T) {
	t.Parallel()
	p := compiledFor(t, `name: l
host: machine
steps:
  - {name: one, bridges: {eth0: {}}, namespaces: {work: {}}}
  - {name: two, remove: [bridges/eth0, namespaces/work], bridges: {sw: {addresses: [192.168.1.9/24]}}}
`)
	if got := len(desk().preflight(wants(p, nil))); got != 3 {
		t.Errorf("%d collisions, want 3: %v", got, desk().preflight(wants(p, nil)))
	}
	if got := desk().preflight(wants(p, everyFact(p))); len(got) != 0 {
		t.Errorf("a lab collides with itself: %v", got)
	}
	m := desk()
	m.links["sw"] = link{kind: "bridge"}
	m.routes = append(m.routes, reach{netip.MustParsePrefix("10.7.0.0/24"), "sw"})
	small, wide := compiledFor(t, routed), compiledFor(t, strings.Replace(routed, "{sw: {", "{sw: {mtu: 1400, ", 1))
	if got := m.preflight(wants(wide, everyFact(small))); len(got) != 0 {
		t.Errorf("a lab collides with what it was: %v", got)
	}
}

const routed = `name: l
host: machine
namespaces: {red: {}, host: {forwarding: true}}
bridges: {sw: {addresses: [10.7.0.1/24]}}
nat: [{masquerade: 10.7.0.0/24}]
`

func TestPreflightFirewall(t *testing.T) {
	t.Parallel()
	drop := []string{"filter FORWARD policy drop"}
	const accept, back = " -i sw -j ACCEPT", " -o sw -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
	const sandboxed = "or host: sandbox, which no firewall of this machine reaches"
	for _, c := range []struct {
		name  string
		wall  firewall
		cures []string
	}{
		{"none", firewall{}, nil},
		{"plain", firewall{drops: drop}, []string{"iptables -I FORWARD" + accept, "iptables -I FORWARD" + back, sandboxed}},
		{"docker", firewall{drops: drop, docker: true}, []string{"iptables -I DOCKER-USER" + accept, "iptables -I DOCKER-USER" + back, sandboxed}},
		{"ufw", firewall{drops: drop, ufw: true}, []string{"ufw route allow in on sw", "ufw allow in on sw", sandboxed}},
		{"firewalld", firewall{drops: drop, zones: true}, []string{"firewall-cmd --zone=trusted --add-interface=sw", sandboxed}},
		{"legacy", firewall{drops: drop, legacy: true}, []string{"iptables-legacy -I FORWARD" + accept, "iptables-legacy -I FORWARD" + back, sandboxed}},
		{"cured", firewall{drops: drop, accepts: []string{"sw"}}, nil},
		{"cured for another", firewall{drops: drop, ufw: true, accepts: []string{"br0"}}, []string{"ufw route allow in on sw", "ufw allow in on sw", sandboxed}},
	} {
		m := desk()
		m.wall = c.wall
		var got []string
		for _, col := range m.preflight(wants(compiledFor(t, routed), nil)) {
			if col.Pos.String() != "lab.yaml:4:11" {
				t.Errorf("%s: %v is not at the bridge", c.name, col)
			}
			got = append(got, col.Cures...)
		}
		if diff := cmp.Diff(c.cures, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	m := desk()
	m.bridgeNF = true
	got := m.preflight(wants(compiledFor(t, routed), nil))
	if len(got) != 1 || !strings.HasPrefix(got[0].Error(), "lab.yaml:5:7: bridged frames pass iptables on this machine (br_netfilter)") {
		t.Error(got)
	}
}

func TestParseLogin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		connection, client string
		want               login
	}{
		{"", "", login{}},
		{"192.0.2.1 5000 10.0.0.1 2222", "", login{netip.MustParseAddr("192.0.2.1"), 2222}},
		{"", "192.0.2.1 5000 22", login{netip.MustParseAddr("192.0.2.1"), 22}},
		{"fe80::1%eth0 5000 fe80::2%eth0 22", "", login{netip.MustParseAddr("fe80::1"), 22}},
		{"rubbish", "x y z", login{}},
	} {
		if got := parseLogin(c.connection, c.client); got != c.want {
			t.Errorf("%q %q: got %v, want %v", c.connection, c.client, got, c.want)
		}
	}
}
