package lab_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab"
	"nslab/lab/op"
	"nslab/topology"
)

// typed are the commands, and the proxies, of a lab's published ports.
func published(t *testing.T, ports, more string) string {
	t.Helper()
	text := "namespaces: {web: {ports: [" + ports + "]}}\nbridges: {docker0: {}}\n" +
		"links: [{endpoints: [\"web:eth0 172.17.0.2/16 fd00::2/64\", \"docker0:veth0\"]}]\n" + more
	top, err := topology.Parse(topology.Source{Name: "lab.yaml", Text: []byte(text)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := lab.Compile(top, false)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range p.Facts(0) {
		switch o := s.Op.(type) {
		case op.Rule:
			out = append(out, o.Command().String())
		case op.Proxy:
			out = append(out, o.String())
		}
	}
	return strings.Join(out, "\n") + "\n"
}

func TestPublishedPorts(t *testing.T) {
	t.Parallel()
	const docker = "nat: [{chain: DOCKER}]\nfilter: [{chain: DOCKER}]\n"
	for _, tt := range []struct{ name, ports, more, want string }{
		{"plain", `{published: 8080, target: 80, proxy: false}`, "", `
iptables -t nat -A PREROUTING ! -i docker0 -p tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination 172.17.0.2:80
iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -p tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination 172.17.0.2:80
iptables -t nat -A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp --dport 80 -j MASQUERADE
ip6tables -t nat -A PREROUTING ! -i docker0 -p tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination '[fd00::2]:80'
ip6tables -t nat -A OUTPUT ! -d ::1/128 -p tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination '[fd00::2]:80'
ip6tables -t nat -A POSTROUTING -s fd00::2/128 -d fd00::2/128 -p tcp --dport 80 -j MASQUERADE
`},
		{"at one address", `{published: 53, target: 5353, protocol: udp, host-ip: 192.168.1.2}`, "", `
iptables -t nat -A PREROUTING -d 192.168.1.2/32 ! -i docker0 -p udp --dport 53 -m addrtype --dst-type LOCAL -j DNAT --to-destination 172.17.0.2:5353
iptables -t nat -A OUTPUT -d 192.168.1.2/32 -p udp --dport 53 -m addrtype --dst-type LOCAL -j DNAT --to-destination 172.17.0.2:5353
iptables -t nat -A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p udp --dport 5353 -j MASQUERADE
the proxy of 192.168.1.2:53/udp on the host hands on to 172.17.0.2:5353
`},
		{"docker", `{published: 8080, target: 80, host-ip: 0.0.0.0, proxy: false}, "127.0.0.1:8081:80", "[::1]:8888:80"`, docker, `
iptables -t nat -A DOCKER ! -i docker0 -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
iptables -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT
iptables -t nat -A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp --dport 80 -j MASQUERADE
ip6tables -t nat -A PREROUTING ! -i docker0 -p tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination '[fd00::2]:80'
ip6tables -t nat -A OUTPUT ! -d ::1/128 -p tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination '[fd00::2]:80'
ip6tables -t nat -A POSTROUTING -s fd00::2/128 -d fd00::2/128 -p tcp --dport 80 -j MASQUERADE
iptables -t nat -A DOCKER -d 127.0.0.1/32 ! -i docker0 -p tcp --dport 8081 -j DNAT --to-destination 172.17.0.2:80
the proxy of 127.0.0.1:8081/tcp on the host hands on to 172.17.0.2:80
the proxy of [::1]:8888/tcp on the host hands on to [fd00::2]:80
`},
		{"proxies only", `{published: 8080, target: 80, nat: false}`, docker, `
the proxy of 0.0.0.0:8080/tcp on the host hands on to 172.17.0.2:80
the proxy of [::]:8080/tcp on the host hands on to [fd00::2]:80
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want[1:], published(t, tt.ports, tt.more)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
