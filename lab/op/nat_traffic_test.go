package op_test

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/netns"
	"nslab/lab/op"
)

// street is the lecture's: blue behind a gateway, and a neighbour who knows
// the gateway only.
func street(t *testing.T, prefix string) (blue, gateway, neighbour string) {
	t.Helper()
	kerneltest.Need(t)
	needTools(t, "ip", "nft")
	blue, gateway, neighbour = prefix+"-blue", prefix+"-gw", prefix+"-nb"
	for _, ns := range []string{blue, gateway, neighbour} {
		kerneltest.Namespace(t, ns)
	}
	for _, line := range []string{
		"ip link add vgw type veth peer name eth0 netns " + blue,
		"ip link add eth0 type veth peer name eth0 netns " + neighbour,
		"ip addr add 192.168.15.5/24 dev vgw", "ip -6 addr add fd15::5/64 dev vgw nodad",
		"ip addr add 192.168.1.2/24 dev eth0", "ip -6 addr add fd01::2/64 dev eth0 nodad",
		"ip link set vgw up", "ip link set eth0 up",
		"echo 1 > /proc/sys/net/ipv4/ip_forward", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
		"echo 0 > /proc/sys/net/ipv6/conf/vgw/accept_dad",
	} {
		must(t, gateway, line)
	}
	must(t, blue, "ip link set eth0 up && ip addr add 192.168.15.2/24 dev eth0 && ip -6 addr add fd15::2/64 dev eth0 nodad"+
		" && ip route add default via 192.168.15.5 && ip -6 route add default via fd15::5")
	must(t, neighbour, "ip link set eth0 up && ip addr add 192.168.1.3/24 dev eth0 && ip -6 addr add fd01::3/64 dev eth0 nodad")
	return blue, gateway, neighbour
}

// within runs f inside a namespace: sockets that it opens stay there.
func within[T any](t *testing.T, ns string, f func() (T, error)) T {
	t.Helper()
	n, err := netns.Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	var v T
	err = n.Do(func() (err error) {
		v, err = f()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// listen serves TCP inside a namespace: every caller is told how it is seen.
func listen(t *testing.T, ns, address string) {
	t.Helper()
	l := within(t, ns, func() (net.Listener, error) { return net.Listen("tcp", address) })
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
			_, _ = c.Write([]byte(host))
			c.Close()
		}
	}()
}

// seenAs calls from a namespace and returns how the other side sees it.
func seenAs(t *testing.T, ns, address string) string {
	t.Helper()
	c := within(t, ns, func() (net.Conn, error) { return net.DialTimeout("tcp", address, 5*time.Second) })
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 64)
	n, err := c.Read(b)
	if err != nil {
		t.Fatalf("%s from %s: %v", address, ns, err)
	}
	return string(b[:n])
}

func TestNATTraffic(t *testing.T) {
	t.Parallel()
	blue, gateway, neighbour := street(t, "traffic")
	k, was := remembering("lesson")
	listen(t, neighbour, "192.168.1.3:80")
	listen(t, neighbour, "[fd01::3]:80")
	listen(t, blue, "192.168.15.2:8000")
	listen(t, blue, "[fd15::2]:8000")
	for _, o := range []op.Op{
		masquerade(gateway, "192.168.15.0/24"), masquerade(gateway, "fd15::/64"),
		leadWeb(gateway, "192.168.15.2:8000"), leadWeb(gateway, "[fd15::2]:8000"),
		op.DNAT{
			NS: gateway, Proto: "tcp", Port: 81, Dest: netip.MustParseAddr("192.168.1.2"),
			To: netip.MustParseAddrPort("192.168.15.2:8000"), Local: true,
		},
		op.SNAT{NS: gateway, From: netip.MustParsePrefix("192.168.1.0/24"), To: netip.MustParseAddr("192.168.15.5"), OutDev: "vgw"},
	} {
		// The rules for port 80 must not catch what blue asks of the neighbour.
		if d, ok := o.(op.DNAT); ok && !d.Local {
			d.InDev = "!vgw"
			o = d
		}
		makeFact(t, k, was, o)
	}
	for _, tt := range []struct{ from, to, want string }{
		{blue, "192.168.1.3:80", "192.168.1.2"},
		{blue, "[fd01::3]:80", "fd01::2"},
		{neighbour, "192.168.1.2:80", "192.168.15.5"}, // by way of SNAT
		{neighbour, "[fd01::2]:80", "fd01::3"},
		{gateway, "192.168.1.2:81", "192.168.15.5"},
	} {
		if got := seenAs(t, tt.from, tt.to); got != tt.want {
			t.Errorf("%s at %s is seen as %s, want %s", tt.from, tt.to, got, tt.want)
		}
	}
}

// A flow that began before the rule, or while it was there, follows the rule:
// beside another NAT table the kernel alone would never have it do so.
func TestNATForgetsFlows(t *testing.T) {
	t.Parallel()
	blue, gateway, neighbour := street(t, "flows")
	must(t, gateway, "nft add table ip other; nft add chain ip other post '{ type nat hook postrouting priority 200; }'"+
		"; nft add rule ip other post ip saddr 203.0.113.0/24 masquerade")
	server := within(t, neighbour, func() (net.PacketConn, error) { return net.ListenPacket("udp", "192.168.1.3:5000") })
	defer func() { _ = server.Close() }()
	client := within(t, blue, func() (net.Conn, error) { return net.Dial("udp", "192.168.1.3:5000") })
	defer client.Close()
	seen := func() string {
		t.Helper()
		_ = server.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := client.Write([]byte("?")); err != nil {
			t.Fatal(err)
		}
		_, from, err := server.ReadFrom(make([]byte, 8))
		if err != nil {
			t.Fatal(err)
		}
		host, _, _ := net.SplitHostPort(from.String())
		return host
	}
	stranger := within(t, gateway, func() (net.Conn, error) { return net.Dial("udp", "192.168.1.3:5001") })
	defer stranger.Close()
	if _, err := stranger.Write([]byte("!")); err != nil {
		t.Fatal(err)
	}
	k, was := remembering("lesson")
	o := masquerade(gateway, "192.168.15.0/24")
	const itself, translated = "192.168.15.2", "192.168.1.2"
	wantSeen := func(when, want string) {
		t.Helper()
		if got := seen(); got != want {
			t.Errorf("%s seen as %s, want %s", when, got, want)
		}
	}
	wantSeen("without the rule", itself)
	makeFact(t, k, was, o)
	wantSeen("with the rule", translated)
	undo(t, k, o)
	wantSeen("after the rule", itself)
	fresh := o.(op.Masquerade)
	fresh.New = true
	makeFact(t, k, was, fresh)
	wantSeen("with a rule for somebody new, in a flow that was there,", itself)
	undo(t, k, fresh)
	makeFact(t, k, was, o)
	wantSeen("with the rule once more", translated)
	undo(t, k, fresh)
	wantSeen("after a rule for somebody new", itself)
	flows := within(t, gateway, func() ([]*netlink.ConntrackFlow, error) {
		return (&netlink.Handle{}).ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
	})
	if !slices.ContainsFunc(flows, func(f *netlink.ConntrackFlow) bool { return f.Forward.DstPort == 5001 }) {
		t.Errorf("a flow of somebody else's was forgotten as well: %v", flows)
	}
}
