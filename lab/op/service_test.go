package op_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nslab/lab/op"
	"nslab/topology"
)

// written is a service as the parser hands it over: its first key is the kind.
func written(kind string, value topology.Value, more ...string) topology.Service {
	at := func(col int) topology.Pos { return topology.Pos{File: "lab.yaml", Line: 4, Col: col} }
	value.Pos = at(20)
	s := topology.Service{Kind: topology.Word{Text: kind, Pos: at(10)}}
	s.Args = topology.Value{Kind: topology.Map, Pos: at(9), Keys: []topology.Word{s.Kind}, Items: []topology.Value{value}}
	for i := 0; i < len(more); i += 2 {
		s.Args.Keys = append(s.Args.Keys, topology.Word{Text: more[i], Pos: at(30)})
		s.Args.Items = append(s.Args.Items, topology.Value{Kind: topology.Scalar, Text: more[i+1], Pos: at(40)})
	}
	return s
}

// knowing adds a name to a dns service.
func knowing(name, addr string, s topology.Service) topology.Service {
	names := topology.Value{Kind: topology.Map, Keys: []topology.Word{{Text: name}}, Items: []topology.Value{scalar(addr)}}
	s.Args.Keys, s.Args.Items = append(s.Args.Keys, topology.Word{Text: "names"}), append(s.Args.Items, names)
	return s
}

func scalar(s string) topology.Value { return topology.Value{Kind: topology.Scalar, Text: s} }

// addressed is a state in which red has an address, for who lends others.
func addressed() *topology.State {
	end := topology.End{
		Node: topology.Word{Text: "red"}, Interface: topology.Word{Text: "eth0"},
		Addresses: []topology.Address{{Prefix: netip.MustParsePrefix("10.67.0.1/24")}},
	}
	return &topology.State{Links: []topology.Link{{Ends: []topology.End{end}}}}
}

func TestReadService(t *testing.T) {
	t.Parallel()
	argv := topology.Value{Kind: topology.List, Items: []topology.Value{scalar("sleep"), scalar("1 0")}}
	tests := []struct {
		name    string
		service topology.Service
		want    op.Op
		text    string // what a person is told, or the mistake
	}{
		{
			"http", written("http", scalar("80"), "body", "hi"),
			op.Service{NS: "red", Kind: "http", Port: 80, Body: "hi"},
			"# an HTTP server on port 80 in red answers \"hi\": nslab runs it itself; `ip netns exec red python3 -m http.server 80` would do",
		},
		{
			"echo", written("udp-echo", scalar("7")),
			op.Service{NS: "red", Kind: "udp-echo", Port: 7},
			"# a UDP echo server on port 7 in red: nslab runs it itself; `ip netns exec red socat UDP-RECVFROM:7,fork EXEC:cat` would do",
		},
		{
			"command", written("command", argv),
			op.Service{NS: "red", Kind: "command", Argv: `["sleep","1 0"]`},
			"# keep running in red: ip netns exec red sleep '1 0'",
		},
		{
			"dns", knowing("web", "172.18.0.2", written("dns", scalar("127.0.0.11"), "forward", "192.168.1.1")),
			op.Service{
				NS: "red", Kind: "dns", Port: 53, Addr: netip.MustParseAddr("127.0.0.11"),
				Forward: netip.MustParseAddr("192.168.1.1"), Names: "172.18.0.2 web\n",
			},
			"# a DNS server on 127.0.0.11:53 in red: nslab runs it itself; `ip netns exec red dnsmasq -k -h -R -z -a 127.0.0.11 -p 53 --host-record=web,172.18.0.2 -S 192.168.1.1` would do",
		},
		{
			"dhcp", written("dhcp", scalar("eth0"), "pool", "10.67.0.100-10.67.0.199", "lease", "90s", "router", "10.67.0.1", "nameservers", "10.67.0.2"),
			op.Service{NS: "red", Kind: "dhcp", Port: 67, Argv: `["eth0","10.67.0.1/24","10.67.0.100","10.67.0.199","90","10.67.0.1","10.67.0.2"]`},
			"# a DHCP server on eth0 in red lends 10.67.0.100 to 10.67.0.199: nslab runs it itself; `ip netns exec red " +
				"dnsmasq -k -z -p 0 -i eth0 -F 10.67.0.100,10.67.0.199,90 -O option:router,10.67.0.1 -O option:dns-server,10.67.0.2` would do",
		},
		{
			"dhcp for one", written("dhcp", scalar("eth0"), "pool", "10.67.0.9"),
			op.Service{NS: "red", Kind: "dhcp", Port: 67, Argv: `["eth0","10.67.0.1/24","10.67.0.9","10.67.0.9","3600",""]`},
			"# a DHCP server on eth0 in red lends 10.67.0.9 to 10.67.0.9: nslab runs it itself; `ip netns exec red " +
				"dnsmasq -k -z -p 0 -i eth0 -F 10.67.0.9,10.67.0.9,3600 -O option:router` would do",
		},
		{
			"dhcp elsewhere", written("dhcp", scalar("eth9"), "pool", "10.67.0.9"), nil,
			"lab.yaml:4:10: namespaces.red.services: want an interface with an IPv4 address, and a pool of its network: {dhcp: eth0, pool: 10.67.0.100-10.67.0.199}",
		},
		{
			"pid", written("http", scalar("80"), "pid", "new"),
			op.Service{NS: "red", Kind: "http", Port: 80, OwnPID: true},
			"# an HTTP server on port 80 in red (PID 1 of its own) answers \"\": nslab runs it itself; `ip netns exec red unshare --pid --fork --mount-proc python3 -m http.server 80` would do",
		},
		{"wrong pid", written("http", scalar("80"), "pid", "nwe"), nil, `lab.yaml:4:40: namespaces.red.services.pid: "nwe" is not one of host, new: did you mean "new"?`},
		{"port", written("http", scalar("0")), nil, "lab.yaml:4:20: namespaces.red.services.http: must be from 1 to 65535, found 0"},
		{"key", written("tcp-echo", scalar("7"), "body", "x"), nil, `lab.yaml:4:30: namespaces.red.services: unknown key "body": there are tcp-echo, pid`},
		{"kind", written("htpp", scalar("80")), nil, `lab.yaml:4:10: namespaces.red.services: unknown service "htpp", did you mean "http"?`},
		{
			"argv", written("command", topology.Value{Kind: topology.List}), nil,
			`lab.yaml:4:20: namespaces.red.services: want the words of a command: [python3, -m, http.server, "80"]`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o, errs := op.ReadService("red", tt.service, addressed())
			var got string
			if o != nil {
				got = o.Command().String()
			} else {
				got = errors.Join(errs...).Error()
			}
			if diff := cmp.Diff(tt.want, o, cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreUnexported(op.Service{})); diff != "" {
				t.Errorf("fact (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.text, got); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}
