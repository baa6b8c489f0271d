package op_test

import (
	"errors"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

// Somebody has put a route of his own in the place of the lab's: in a room of
// the lab Do puts it right.
func TestRouteReplaces(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "ip")
	kerneltest.Namespace(t, "routes")
	must(t, "routes", `ip link add va type veth peer name vb; ip addr add 10.9.0.1/24 dev va
		ip addr add 2001:db8::1/64 dev va nodad; ip link set va up; ip link set vb up`)
	route := func(to, via, dev string, metric int) op.Route {
		r := op.Route{NS: "routes", To: netip.MustParsePrefix(to), Dev: dev, Metric: metric}
		r.Via, _ = netip.ParseAddr(via)
		return r
	}
	for _, c := range []struct {
		fact         op.Route
		change, says string
	}{
		{route("0.0.0.0/0", "10.9.0.5", "", 0), "ip route replace default via 10.9.0.2", "default goes via 10.9.0.2, not 10.9.0.5"},
		{route("0.0.0.0/0", "10.9.0.5", "va", 0), "ip route replace default via 10.9.0.2", "default goes via 10.9.0.2 on va, not 10.9.0.5 on va"},
		{route("0.0.0.0/0", "10.9.0.5", "", 0), "ip route replace blackhole default", "default goes nowhere (blackhole), not via 10.9.0.5"},
		{route("0.0.0.0/0", "10.9.0.5", "", 0), "ip route del default; ip route add default via 10.9.0.5 metric 7", "default via 10.9.0.5 has metric 7, not 0"},
		{route("10.1.0.0/16", "10.9.0.5", "", 7), "ip route replace 10.1.0.0/16 via 10.9.0.2 metric 7", "10.1.0.0/16 goes via 10.9.0.2, not 10.9.0.5"},
		{route("::/0", "2001:db8::5", "", 0), "ip -6 route replace default via 2001:db8::2", "default goes via 2001:db8::2, not 2001:db8::5"},
		{route("::/0", "2001:db8::5", "", 0), "ip -6 route replace blackhole default", "default goes nowhere (blackhole), not via 2001:db8::5"},
	} {
		k := &op.Kernel{Lab: "routes"}
		if err := c.fact.Do(k); err != nil {
			t.Fatalf("%s: %v", c.fact, err)
		}
		wantTrue(t, k, c.fact)
		must(t, "routes", c.change)
		wantFalse(t, k, c.fact, c.says)
		undo(t, k, c.fact)
		if err := c.fact.Do(k); err != nil {
			t.Fatalf("after %s: %v", c.change, err)
		}
		wantTrue(t, k, c.fact)
		undo(t, k, c.fact)
		undo(t, k, c.fact)
		must(t, "routes", "ip route flush 0/0 proto boot; ip -6 route flush ::/0 proto boot")
	}
}

// What the kernel has put there with an address is not replaced.
func TestRouteKeepsTheNetworkOfAnAddress(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needTools(t, "ip")
	kerneltest.Namespace(t, "connected")
	must(t, "connected", "ip link add va type veth peer name vb; ip addr add 10.9.0.1/24 dev va; ip link set va up; ip link set vb up")
	k := &op.Kernel{Lab: "connected"}
	o := op.Route{NS: "connected", To: netip.MustParsePrefix("10.9.0.0/24"), Via: netip.MustParseAddr("10.9.0.5")}
	if err := o.Do(k); !errors.Is(err, unix.EEXIST) {
		t.Errorf("Do: %v", err)
	}
	wantFalse(t, k, o, "10.9.0.0/24 goes on va, not via 10.9.0.5: that is the network of its own address")
}

// On the host a route that somebody else made stays.
func TestRouteOfTheHostStays(t *testing.T) {
	kerneltest.Need(t)
	needTools(t, "ip")
	typeIn(t, op.Command{"ip", "link", "add", "hr", "type", "veth", "peer", "name", "hs"})
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", "hr").Run() })
	for _, line := range []string{"addr add 10.8.0.1/24 dev hr", "link set hr up", "link set hs up", "route add 10.1.0.0/16 via 10.8.0.2"} {
		typeIn(t, append(op.Command{"ip"}, strings.Fields(line)...))
	}
	k := &op.Kernel{Lab: "hostroute"}
	o := op.Route{NS: "host", To: netip.MustParsePrefix("10.1.0.0/16"), Via: netip.MustParseAddr("10.8.0.5")}
	if err := o.Do(k); !errors.Is(err, unix.EEXIST) {
		t.Errorf("Do: %v", err)
	}
	wantFalse(t, k, o, "10.1.0.0/16 goes via 10.8.0.2, not 10.8.0.5; "+op.Foreign+": ip route del 10.1.0.0/16 metric 0, then nslab apply")
	undo(t, k, o)
	wantFalse(t, k, o, "10.1.0.0/16 goes via 10.8.0.2")
}
