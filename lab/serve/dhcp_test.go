package serve_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

// newWire is a cable from red, which has a server of DHCP, to blue.
func newWire(t *testing.T, lends string) (*op.Kernel, op.Service) {
	t.Helper()
	k := newKernel(t)
	kerneltest.Namespace(t, "blue")
	for _, c := range []string{
		"link add eth0 netns red type veth peer eth0 netns blue", "-n red addr add 10.67.0.1/24 dev eth0", "-n red link set eth0 up", "-n blue link set eth0 up",
	} {
		ip(t, c)
	}
	s := op.Service{NS: "red", Kind: "dhcp", Port: 67, Argv: lends}
	if err := s.Do(k); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Undo(k) })
	return k, s
}

// An address is lent, kept, given back, and lent to somebody else.
func TestDHCPOnTheWire(t *testing.T) {
	k, s := newWire(t, `["eth0","10.67.0.1/24","10.67.0.100","10.67.0.100","3600","10.67.0.1","10.67.0.2"]`)
	if d := diff(t, k, s); d != "" {
		t.Error(d)
	}
	client := func(mac net.HardwareAddr) *nclient4.Client {
		t.Helper()
		var c *nclient4.Client
		err := k.Inside("blue", func() (err error) {
			conn, err := nclient4.NewRawUDPConn("eth0", nclient4.ClientPort)
			if err != nil {
				return err
			}
			c, err = nclient4.NewWithConn(conn, mac, nclient4.WithTimeout(time.Second))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	first, second := client(net.HardwareAddr{2, 0, 0, 0, 0, 1}), client(net.HardwareAddr{2, 0, 0, 0, 0, 2})
	lease, err := first.Request(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lease.ACK.Summary(), []string{
		"your IP: 10.67.0.100", "Subnet Mask: ffffff00", "Router: 10.67.0.1", "Domain Name Server: 10.67.0.2", "IP Addresses Lease Time: 1h0m0s", "Server Identifier: 10.67.0.1",
	}; !all(got, want) {
		t.Errorf("%s\nwant %q", got, want)
	}
	ip(t, "-n blue addr add 10.67.0.100/24 dev eth0")
	if _, err := first.Renew(t.Context(), lease); err != nil {
		t.Error(err)
	}
	giveBack(t, k, lease.ACK)
	if again, err := second.Request(t.Context()); err != nil || !again.ACK.YourIPAddr.Equal(net.IPv4(10, 67, 0, 100)) {
		t.Errorf("after it was given back: %v, %v", again, err)
	}
}

func ip(t *testing.T, words string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(words)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", words, err, out)
	}
}

// giveBack sends RELEASE to the server alone, from the address that goes.
func giveBack(t *testing.T, k *op.Kernel, ack *dhcpv4.DHCPv4) {
	t.Helper()
	m, err := dhcpv4.NewReleaseFromACK(ack)
	if err != nil {
		t.Fatal(err)
	}
	c := dialFrom(t, k, "blue", "udp", "10.67.0.1:67")
	defer c.Close()
	if _, err := c.Write(m.ToBytes()); err != nil {
		t.Fatal(err)
	}
}

func all(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// busybox's client, which others have written, understands the server.
func TestDHCPForUdhcpc(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("busybox is not installed")
	}
	newWire(t, `["eth0","10.67.0.1/24","10.67.0.100","10.67.0.199","600","10.67.0.1"]`)
	tell := filepath.Join(t.TempDir(), "tell")
	if err := os.WriteFile(tell, []byte("#!/bin/sh\n[ $1 = bound ] && echo $ip $mask $router $serverid $lease\nexit 0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ip", "netns", "exec", "blue", busybox, "udhcpc", "-f", "-q", "-n", "-i", "eth0", "-s", tell).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "10.67.0.100 24 10.67.0.1 10.67.0.1 600") {
		t.Errorf("%v\n%s", err, out)
	}
}
