package probe_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/probe"
	"nslab/topology"
)

// rooms is red and blue on a switch; gray has no address.
func rooms() *topology.State {
	s := &topology.State{Bridges: []topology.Bridge{{
		Name: topology.Word{Text: "v-net-0"}, In: topology.Word{Text: topology.Host},
		Addresses: []topology.Address{{Prefix: netip.MustParsePrefix("192.168.15.5/24")}},
	}}}
	for ns, addr := range map[string]string{"red": "192.168.15.1/24", "blue": "192.168.15.2/24", "gray": ""} {
		s.Namespaces = append(s.Namespaces, topology.Namespace{Name: topology.Word{Text: ns}})
		if addr == "" {
			continue
		}
		s.Links = append(s.Links, topology.Link{Ends: []topology.End{{
			Node: topology.Word{Text: ns}, Interface: topology.Word{Text: "veth-" + ns},
			Addresses: []topology.Address{{Prefix: netip.MustParsePrefix(addr)}},
		}}})
	}
	slices.SortFunc(s.Namespaces, func(a, b topology.Namespace) int { return len(a.Name.Text) - len(b.Name.Text) })
	return s
}

func read(kind string, args, expect topology.Value, within string) ([]probe.Assertion, error) {
	as, errs := probe.Read(topology.Check{
		Pos:  topology.Pos{File: "lab.yaml", Line: 1, Col: 1},
		Kind: topology.Word{Text: kind, Pos: topology.Pos{File: "lab.yaml", Line: 1, Col: 3}},
		Args: args, Expect: expect, Within: topology.Word{Text: within, Pos: topology.Pos{File: "lab.yaml", Line: 7, Col: 9}},
	}, rooms())
	return as, errors.Join(errs...)
}

func among(v, nodes topology.Value) topology.Value {
	v.Keys = append(v.Keys, topology.Word{Text: "among", Pos: topology.Pos{File: "lab.yaml", Line: 1, Col: 90}})
	v.Items = append(v.Items, nodes)
	return v
}

// What a person would type, and the sentence that the check is.
func TestRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind           string
		args, expect   topology.Value
		title, command string
	}{
		{"ping", mapping("from", "red", "to", "blue"), topology.Value{}, "red reaches blue (192.168.15.2)", "ip netns exec red ping -c1 -W1 192.168.15.2"},
		{"ping", mapping("from", "host", "to", "red", "count", "3"), topology.Value{}, "host reaches red (192.168.15.1)", "ping -c3 -W1 192.168.15.1"},
		{"ping", mapping("from", "red", "to", "8.8.8.8"), word("no-reply"), "red does not reach 8.8.8.8: no-reply", "ip netns exec red ping -c1 -W1 8.8.8.8"},
		{"ping", mapping("from", "host", "to", "red"), word("fail"), "host does not reach red (192.168.15.1)", "ping -c1 -W1 192.168.15.1"},
		{"tcp", mapping("from", "red", "to", "blue:80"), word("refused"), "red does not reach TCP port 80 of blue (192.168.15.2): refused", "ip netns exec red nc -z -v -w1 192.168.15.2 80"},
		{"udp", mapping("from", "red", "to", "[fd00::2]:7"), topology.Value{}, "red reaches UDP port 7 of fd00::2", "ip netns exec red sh -c 'echo hello | nc -u -w1 fd00::2 7'"},
		{"http", mapping("from", "red", "to", "http://blue/"), mapping("status", "200", "seen-as", "192.168.15.1"), "red reaches http://blue/: status 200, seen as 192.168.15.1", "ip netns exec red curl -sS -m2 http://192.168.15.2/"},
		{"resolve", mapping("in", "red", "name", "web"), list("192.168.15.2"), "red knows the name web: address 192.168.15.2", "ip netns exec red getent ahosts web"},
		{"route", mapping("in", "red", "to", "blue"), word("none"), "red has a route to blue (192.168.15.2): none", "ip -n red route get 192.168.15.2"},
		{"address", mapping("in", "red", "on", "veth-red"), mapping("has", "192.168.15.1/24"), "veth-red in red has an address: 192.168.15.1/24", "ip -n red addr show dev veth-red"},
		{"neighbour", mapping("in", "red", "address", "blue", "on", "veth-red"), word("absent"), "red has learnt the MAC address of blue (192.168.15.2): absent", "ip -n red neigh show 192.168.15.2 dev veth-red"},
		{"link", mapping("in", "red", "on", "veth-red"), mapping("promiscuity", "1"), "red has an interface veth-red: promiscuity 1", "ip -n red -d link show dev veth-red"},
		{"namespace", among(mapping(), list("host", "red")), word("different"), "host and red are one network namespace: several namespaces", "stat -L -c '%n net:[%i]' /proc/self/ns/net /run/netns/red"},
		{"listen", mapping("in", "red", "at", "80"), word("taken"), "a server can have TCP port 80 in red: taken (address already in use)", "ip netns exec red nc -l -p 80"},
		{"listen", mapping("in", "host", "at", "[::1]:53/udp"), topology.Value{}, "a server can have UDP [::1]:53 in host", "nc -l -u -s ::1 -p 53"},
		{"packet", mapping("from", "red", "to", "blue", "in", "host", "on", "v-net-0"), mapping("vni", "42"), "a ping from red to blue (192.168.15.2) passes v-net-0 in host: vni 42", "tcpdump -c1 -eni v-net-0 'icmp or icmp6 or udp port 4789'"},
		{
			"translation", together("blue:80", "red", "host"), mapping("ports", "kept"),
			"each of red and host, from port 5000, reaches TCP port 80 of blue (192.168.15.2): ports kept",
			"sh -c 'ip netns exec red curl -sS -m2 -D- --local-port 5000 http://192.168.15.2:80/ & curl -sS -m2 -D- --local-port 5000 http://192.168.15.2:80/ & wait'",
		},
		{"command", argv("ls", "a b"), topology.Value{}, "red: ls 'a b': status 0", "ip netns exec red ls 'a b'"},
	}
	for _, tt := range tests {
		as, err := read(tt.kind, tt.args, tt.expect, "")
		if err != nil || len(as) != 1 {
			t.Errorf("%s: %d assertions, %v", tt.kind, len(as), err)
			continue
		}
		got := []string{as[0].Title(), as[0].Probe.Command().String()}
		if diff := cmp.Diff([]string{tt.title, tt.command}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestReadPairs(t *testing.T) {
	t.Parallel()
	as, err := read("ping", among(mapping(), list("red", "blue", "v-net-0")), topology.Value{}, "")
	if err == nil {
		t.Fatalf("a bridge asks: %v", as)
	}
	as, err = read("ping", among(mapping(), list("red", "blue", "host")), topology.Value{}, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range as {
		got = append(got, a.Probe.String())
	}
	want := []string{
		"red reaches blue (192.168.15.2)", "red reaches host (192.168.15.5)", "blue reaches red (192.168.15.1)",
		"blue reaches host (192.168.15.5)", "host reaches red (192.168.15.1)", "host reaches blue (192.168.15.2)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pairs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"red", "host"}, as[1].Probe.Nodes()); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
}

func TestReadMistakes(t *testing.T) {
	t.Parallel()
	any, ok := topology.Value{}, mapping("from", "red", "to", "blue")
	tests := []struct {
		kind         string
		args, expect topology.Value
		within, want string
	}{
		{"pnig", ok, any, "", `lab.yaml:1:3: verify: unknown kind of check "pnig", did you mean "ping"?`},
		{"ping", mapping("from", "rde", "to", "blue"), any, "", `lab.yaml:2:3: verify.ping: unknown node "rde", did you mean "red"?`},
		{"ping", mapping("from", "red", "to", "bleu"), any, "", `lab.yaml:2:3: verify.ping: "bleu" is neither an address nor a node: unknown node "bleu", did you mean "blue"?`},
		{"ping", mapping("from", "red", "to", "gray"), any, "", `lab.yaml:2:3: verify.ping: gray has no address at this step`},
		{"ping", mapping("from", "v-net-0", "to", "red"), any, "", `lab.yaml:2:3: verify.ping: v-net-0 is a bridge: a switch asks nothing, ask from a namespace or from the host`},
		{"ping", mapping("from", "red"), any, "", "lab.yaml:1:1: verify.ping: \"to\" is missing, for example `to: blue`"},
		{"ping", mapping("from", "red", "to", "fe80::1%eth0"), any, "", `lab.yaml:2:3: verify.ping: fe80::1%eth0: want an address without an interface; link-local addresses cannot be asked for`},
		{"ping", mapping("from", "red", "to", "blue", "cuont", "3"), any, "", `lab.yaml:1:42: verify.ping: unknown key "cuont", did you mean "count"?`},
		{"ping", mapping("from", "red", "to", "blue", "count", "0"), any, "", `lab.yaml:2:3: verify.ping.count: must be from 1 to 100, found 0`},
		{"ping", among(ok, list("red", "blue")), any, "", "lab.yaml:2:3: verify.ping: from and among exclude each other: among asks every pair\nlab.yaml:2:3: verify.ping: to and among exclude each other: among asks every pair"},
		{"ping", among(mapping(), list("red")), any, "", `lab.yaml:1:1: verify.ping: among: want at least two nodes: among: [red, blue]`},
		{"ping", among(mapping(), list(slices.Repeat([]string{"red"}, 501)...)), any, "", `lab.yaml:1:1: verify.ping: among: every pair of 501 nodes is 250500 pings, a lab file may ask 250000 questions: ask among some of them`},
		{"ping", among(mapping(), list("red", "red", "blue")), any, "", `lab.yaml:2:3: verify.ping: red is in the list already`},
		{"ping", ok, word("replay"), "", `lab.yaml:2:3: verify: unknown expectation "replay", did you mean "reply"?`},
		{"ping", ok, mapping("status", "200"), "", `lab.yaml:1:1: verify: want a word (reply, unreachable, no-reply, refused, fail), found a mapping`},
		{"ping", ok, list("reply"), "", `lab.yaml:3:1: verify: want a word (reply, unreachable, no-reply, refused, fail), found a list`},
		{"ping", ok, any, "soon", `lab.yaml:7:9: verify: within: want a duration such as 2s, found "soon"`},
		{"tcp", ok, any, "", `lab.yaml:2:3: verify.tcp: want a node or an address with a port, such as blue:80 or [fd00::2]:80, found "blue"`},
		{"udp", mapping("from", "red", "to", "blue:0"), any, "", `lab.yaml:2:3: verify.udp: port: must be from 1 to 65535, found 0`},
		{"http", mapping("from", "red", "to", "blue"), any, "", `lab.yaml:2:3: verify.http: want a URL such as "http://blue/" or "http://192.168.1.2:8080/", found "blue"`},
		{"http", mapping("from", "red", "to", "https://blue/"), any, "", `lab.yaml:2:3: verify.http: want a URL such as "http://blue/" or "http://192.168.1.2:8080/", found "https://blue/"`},
		{"http", mapping("from", "red", "to", "http://bleu/"), any, "", `lab.yaml:2:3: verify.http: "bleu" is neither an address nor a node: unknown node "bleu", did you mean "blue"?`},
		{"http", mapping("from", "red", "to", "http://blue/"), mapping("stauts", "200"), "", `lab.yaml:1:2: verify: unknown key "stauts", did you mean "status"?`},
		{"http", mapping("from", "red", "to", "http://blue/"), mapping("status", "ok", "seen-as", "red"), "", "lab.yaml:2:3: verify: status: \"ok\" is not a whole number (want 0 to 999)\nlab.yaml:2:3: verify: seen-as: want an IP address such as 192.168.15.2, found \"red\""},
		{"address", mapping("in", "red", "on", "veth-red"), mapping("has", "192.168.15.1"), "", `lab.yaml:2:3: verify: has: want an address with its prefix length such as 192.168.15.1/24, found "192.168.15.1"`},
		{"namespace", among(mapping(), list("red")), any, "", `lab.yaml:1:1: verify.namespace: among: want at least two namespaces: among: [host, web]`},
		{"listen", mapping("in", "red", "at", "eighty:80/sctp"), any, "", "lab.yaml:2:3: verify.listen: want a port such as 80, 53/udp or 127.0.0.1:8080, found \"eighty:80/sctp\"\nlab.yaml:2:3: verify.listen: \"eighty:80/sctp\": the protocol must be tcp or udp"},
		{"listen", mapping("in", "red", "at", "0"), any, "", `lab.yaml:2:3: verify.listen: port: must be from 1 to 65535, found 0`},
		{"link", mapping("in", "red", "on", "eth0"), mapping("mac", "01:02"), "", `lab.yaml:2:3: verify: mac: want a MAC address such as 02:42:ac:11:00:02, found "01:02"`},
		{"translation", together("blue:80", "red"), any, "", "lab.yaml:1:1: verify.translation: from: want at least two nodes: from: [red, blue]"},
		{"translation", together("blue", "red", "host"), mapping("ports", "lost"), "", "lab.yaml:2:3: verify.translation: want a node or an address with a port, such as blue:80 or [fd00::2]:80, found \"blue\"\nlab.yaml:2:3: verify: ports: want kept or changed, found \"lost\""},
		{"command", mapping("in", "red"), any, "", `lab.yaml:1:1: verify.command: argv: want the words of a command: argv: [cat, /etc/hosts]`},
	}
	for _, tt := range tests {
		as, err := read(tt.kind, tt.args, tt.expect, tt.within)
		if err == nil {
			t.Errorf("%s: %v, want %s", tt.kind, as, tt.want)
			continue
		}
		if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.kind, diff)
		}
		for _, e := range topologyErrors(err) {
			if e.Pos.Line == 0 {
				t.Errorf("%v has no place", e)
			}
		}
	}
}

func topologyErrors(err error) (out []*topology.Error) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			out = append(out, topologyErrors(e)...)
		}
		return out
	}
	if one, ok := errors.AsType[*topology.Error](err); ok {
		out = append(out, one)
	}
	return out
}
