package cni_test

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ports are a runtimeConfig with portMappings: "8080:80", "127.0.0.1:8080:80",
// each with a "/udp" where it is not tcp.
func ports(words ...string) map[string]any {
	var all []map[string]any
	for _, w := range words {
		w, proto, _ := strings.Cut(w, "/")
		at := ""
		if strings.Count(w, ":") > 1 {
			i := strings.LastIndex(w[:strings.LastIndex(w, ":")], ":")
			at, w = w[:i], w[i+1:]
		}
		var from, to int
		_, _ = fmt.Sscanf(w, "%d:%d", &from, &to) // 0 for what is no number
		all = append(all, map[string]any{"hostPort": from, "containerPort": to, "protocol": proto, "hostIP": at})
	}
	return map[string]any{"runtimeConfig": map[string]any{"portMappings": all}}
}

func rowPorts(r *rig) {
	r.sh("ip addr add 192.0.2.1/32 dev lo")
	r.Cleanup(func() { r.sh("ip addr del 192.0.2.1/32 dev lo") })
	r.conf["hairpinMode"] = true // c1 asks for its own port, and the frames of bridges may pass iptables here
	before := r.machine()
	c1, c2 := r.container("c1"), r.container("c2")
	published := ports("8080:80", "8080:80/udp", "127.0.0.1:8082:81", "192.0.2.1:8083:80")
	_, prev := r.added("c1", c1, "eth0", published)
	r.add("c2", c2, "eth0", nil)
	for _, at := range []string{"10.66.0.1:8080", "127.0.0.1:8080", "192.0.2.1:8080", "192.0.2.1:8083"} {
		r.serves("c1", ":80", at)
	}
	r.serves("c1", ":81", "127.0.0.1:8082")
	for _, from := range []string{"c1", "c2"} { // through the host and back
		r.servesFrom(from, "c1", ":80", "10.66.0.1:8080")
	}
	r.isolated("c2")
	published["prevResult"] = prev
	r.ok(r.call("CHECK", "c1", c1, "eth0", published))
	r.sh("iptables -t nat -D $(iptables -t nat -S OUTPUT | sed -n 's/^-A//p' | grep 8082 | tr -d '\"')")
	r.fails(r.call("CHECK", "c1", c1, "eth0", published), 101, "8082", "missing", "iptables -t nat -A OUTPUT")
	r.ok(r.call("DEL", "c1", c1, "eth0", nil)) // DEL need not be told
	if rules := r.sh("iptables -t nat -S; iptables -S"); strings.Contains(rules, "808") || strings.Contains(rules, "127.0.0.0") {
		r.Errorf("rules after DEL:\n%s", rules)
	}
	r.add("c1", c1, "eth0", ports("8080:80"))
	r.ok(r.call("GC", "", "", "", valid("c2/eth0")))
	r.ok(r.call("DEL", "c2", c2, "eth0", nil))
	if diff := cmp.Diff(before, r.machine()); diff != "" {
		r.Errorf("left behind:\n%s", diff)
	}
}

// isolated demands that what listens on 127.0.0.1 of the host stays there: a
// container that sends to it by way of its gateway is not heard, unless a rule
// lets it in first.
func (r *rig) isolated(container string) {
	r.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:8099")
	if err != nil {
		r.Fatal(err)
	}
	defer l.Close()
	r.sh(`ip -n %[1]s link set lo down; ip -n %[1]s route add 127.0.0.1 via 10.66.0.1
		ip netns exec %[1]s sysctl -qw net.ipv4.conf.eth0.route_localnet=1`, container)
	reached := func() (is bool) {
		r.inside(container, func() error {
			d := net.Dialer{Timeout: time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(10, 66, 0, 3)}}
			c, err := d.Dial("tcp", "127.0.0.1:8099")
			if is = err == nil; is {
				c.Close()
			}
			return nil
		})
		return is
	}
	if reached() {
		r.Error("a container reaches 127.0.0.1 of the host")
	}
	r.sh("iptables -I INPUT -i nsl0 -j ACCEPT")
	if !reached() {
		r.Error("a container that is let in does not reach 127.0.0.1 of the host either")
	}
	r.sh("iptables -D INPUT -i nsl0 -j ACCEPT")
}

// rowPortsMove: who goes on asking at a port is answered by the container that
// has it now, not led for minutes to where the one before has been.
func rowPortsMove(r *rig) {
	more := ports("8080:80/udp")
	more["ipMasq"] = false
	r.add("c3", r.container("c3"), "eth0", nil) // the bridge stays
	r.sh("ip addr add 192.0.2.1/32 dev lo")
	r.Cleanup(func() { r.sh("ip addr del 192.0.2.1/32 dev lo") })
	client, err := net.Dial("udp", "192.0.2.1:8080")
	if err != nil {
		r.Fatal(err)
	}
	defer client.Close()
	for _, name := range []string{"c1", "c2"} {
		path := r.container(name)
		r.add(name, path, "eth0", more)
		var server net.PacketConn
		r.inside(name, func() (err error) { server, err = net.ListenPacket("udp", ":80"); return err })
		_, werr := client.Write([]byte("hello"))
		_ = server.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, _, err := server.ReadFrom(make([]byte, 9)); err != nil || werr != nil {
			r.Errorf("%s hears nothing: %v, %v", name, werr, err)
		}
		server.Close()
		r.ok(r.call("DEL", name, path, "eth0", nil))
	}
}

func rowPortsTaken(r *rig) {
	c1, c2 := r.container("c1"), r.container("c2")
	r.add("c1", c1, "eth0", ports("8080:80", "127.0.0.1:8081:80"))
	l, err := net.Listen("tcp", ":8090")
	if err != nil {
		r.Fatal(err)
	}
	defer l.Close()
	r.sh("iptables -t nat -N OTHERS; iptables -t nat -A OTHERS -p tcp --dport 8091 -j DNAT --to 10.66.0.7")
	before := r.machine()
	for words, says := range map[string]string{
		"8080:81": "nat ", "10.66.0.1:8080:80": "nat ", "127.0.0.1:8081:82": "nat OUTPUT", "8081:80": "nat OUTPUT",
		"8090:80": "process ", "8091:80": "nat OTHERS",
	} {
		r.fails(r.call("ADD", "c2", c2, "eth0", ports("8500:80", words)), 102, says, "choose another")
		if diff := cmp.Diff(before, r.machine()); diff != "" || len(r.held()) != 1 {
			r.Errorf("%s: held %v, left behind:\n%s", words, r.held(), diff)
		}
	}
	for words, tt := range map[string]struct {
		code int
		says string
	}{
		"80000:80": {7, "80000"}, "8080:0": {7, "8080"}, "8080:80/sctp": {2, "sctp"}, "::1:8080:80": {2, "::1"}, "red:8080:80": {7, "red"},
		"fd00::1:8080:80": {7, "family"}, "8500:81": {7, "another mapping"},
	} {
		r.fails(r.call("ADD", "c2", c2, "eth0", ports("8500:80", words)), tt.code, tt.says)
	}
	r.add("c2", c2, "eth0", ports("8080:80/udp", "127.0.0.2:8081:80", "0:80"))
	r.sh("iptables -t nat -F OTHERS; iptables -t nat -X OTHERS")
}
