package serve

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// aPool has two addresses.
func aPool(tb testing.TB) *dhcpServer {
	tb.Helper()
	s, err := readDHCPArgs([]string{"eth0", "10.67.0.1/24", "10.67.0.100", "10.67.0.101", "60", "10.67.0.1", "10.67.0.2"})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// asks makes a message of words: the client, what it says, and "option=value".
func asks(tb testing.TB, words string) *dhcpv4.DHCPv4 {
	tb.Helper()
	f := strings.Fields(words)
	types := map[string]dhcpv4.MessageType{
		"DISCOVER": dhcpv4.MessageTypeDiscover, "REQUEST": dhcpv4.MessageTypeRequest, "RELEASE": dhcpv4.MessageTypeRelease,
		"DECLINE": dhcpv4.MessageTypeDecline, "INFORM": dhcpv4.MessageTypeInform, "ACK": dhcpv4.MessageTypeAck,
	}
	m, err := dhcpv4.New(dhcpv4.WithMessageType(types[f[1]]), dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0, 0, 0, f[0][0]}))
	if err != nil {
		tb.Fatal(err)
	}
	for _, w := range f[2:] {
		key, value, _ := strings.Cut(w, "=")
		ip := net.IP(netip.AddrFrom4([4]byte{}).AsSlice())
		if a, err := netip.ParseAddr(value); err == nil {
			ip = a.AsSlice()
		}
		switch key {
		case "id":
			m.UpdateOption(dhcpv4.OptClientIdentifier([]byte(value)))
		case "want":
			m.UpdateOption(dhcpv4.OptRequestedIPAddress(ip))
		case "server":
			m.UpdateOption(dhcpv4.OptServerIdentifier(ip))
		case "has":
			m.ClientIPAddr = ip
		case "relay":
			m.GatewayIPAddr = ip
		case "reply":
			m.OpCode = dhcpv4.OpcodeBootReply
		}
	}
	return m
}

// told is an answer in words.
func told(m *dhcpv4.DHCPv4) string {
	switch {
	case m == nil:
		return "silence"
	case m.YourIPAddr.IsUnspecified():
		return m.MessageType().String() + " to " + answerTo(m).IP.String()
	}
	return fmt.Sprintf("%s %s for %v to %s", m.MessageType(), m.YourIPAddr, m.IPAddressLeaseTime(0), answerTo(m).IP)
}

// TestDHCPConversation is what clients say one after another, and what they are told.
func TestDHCPConversation(t *testing.T) {
	t.Parallel()
	talk := []struct {
		after time.Duration
		asks  string
		want  string
	}{
		{0, "a DISCOVER", "OFFER 10.67.0.100 for 1m0s to 255.255.255.255"},
		{0, "a DISCOVER", "OFFER 10.67.0.100 for 1m0s to 255.255.255.255"}, // it had not heard
		{0, "b DISCOVER want=10.67.0.100", "OFFER 10.67.0.101 for 1m0s to 255.255.255.255"},
		{0, "c DISCOVER", "silence"}, // nothing is left
		{0, "a REQUEST server=10.67.0.1 want=10.67.0.100", "ACK 10.67.0.100 for 1m0s to 255.255.255.255"},
		{0, "b REQUEST server=10.67.0.9 want=10.67.0.101", "silence"}, // it has chosen another server, so
		{0, "c DISCOVER want=10.67.0.101", "OFFER 10.67.0.101 for 1m0s to 255.255.255.255"},
		{0, "c REQUEST want=10.67.0.100", "NAK to 255.255.255.255"}, // a has that
		{0, "c REQUEST want=10.99.0.1", "NAK to 255.255.255.255"},   // from another network
		{0, "c REQUEST", "NAK to 255.255.255.255"},
		{11 * time.Second, "b DISCOVER", "OFFER 10.67.0.101 for 1m0s to 255.255.255.255"}, // c did not come for it
		{0, "b REQUEST server=10.67.0.1 want=10.67.0.101", "ACK 10.67.0.101 for 1m0s to 255.255.255.255"},
		{20 * time.Second, "a REQUEST has=10.67.0.100", "ACK 10.67.0.100 for 1m0s to 10.67.0.100"}, // renewed
		{41 * time.Second, "c DISCOVER", "OFFER 10.67.0.101 for 1m0s to 255.255.255.255"},          // b did not renew
		{0, "a INFORM has=10.67.0.100", "ACK to 10.67.0.100"},
		{0, "a RELEASE has=10.67.0.100", "silence"},
		{0, "a RELEASE has=10.67.0.100", "silence"},
		{0, "x DISCOVER id=x", "OFFER 10.67.0.100 for 1m0s to 255.255.255.255"},
		{0, "y REQUEST id=x server=10.67.0.1 want=10.67.0.100", "ACK 10.67.0.100 for 1m0s to 255.255.255.255"}, // the id is who it is
		{0, "y DECLINE id=x want=10.67.0.100", "silence"},
		{20 * time.Second, "d DISCOVER want=10.67.0.100", "OFFER 10.67.0.101 for 1m0s to 255.255.255.255"}, // nobody is to have it
		{0, "e DISCOVER relay=10.9.0.1", "silence"},
		{0, "e DISCOVER reply=", "silence"},
		{0, "e ACK", "silence"},
	}
	s, now := aPool(t), time.Unix(0, 0)
	for _, x := range talk {
		now = now.Add(x.after)
		if got := told(s.respond(asks(t, x.asks), now)); got != x.want {
			t.Errorf("%s: %s, want %s", x.asks, got, x.want)
		}
	}
}

func TestDHCPArguments(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"", "eth0 10.67.0.1/24 10.67.0.100 10.67.0.101 60", "eth0 10.67.0.1 10.67.0.100 10.67.0.101 60 -",
		"eth0 fd00::1/64 10.67.0.100 10.67.0.101 60 10.67.0.1", "eth0 10.67.0.1/24 x 10.67.0.101 60 10.67.0.1",
		"eth0 10.67.0.1/24 10.67.0.100 10.67.0.101 1h 10.67.0.1", "eth0 10.67.0.1/24 10.67.0.100 10.67.0.101 60 10.67.0.1 dns",
	} {
		if _, err := readDHCPArgs(strings.Fields(args)); err == nil {
			t.Errorf("%q: want an error", args)
		}
	}
}

// FuzzDHCP sends anything to a server: it lends only what is in its pool, and
// no address to two.
func FuzzDHCP(f *testing.F) {
	for _, words := range []string{"a DISCOVER", "a REQUEST server=10.67.0.1 want=10.67.0.100", "a REQUEST has=10.67.0.101", "a RELEASE", "a DECLINE want=10.67.0.100"} {
		f.Add(asks(f, words).ToBytes(), asks(f, "b REQUEST want=10.67.0.100").ToBytes())
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s, now := aPool(t), time.Unix(0, 0)
		has := map[string]string{}
		for _, b := range [][]byte{first, second} {
			m, err := dhcpv4.FromBytes(b)
			if err != nil {
				continue
			}
			answer := s.respond(m, now)
			if answer == nil {
				continue
			}
			if again, err := dhcpv4.FromBytes(answer.ToBytes()); err != nil || again.TransactionID != m.TransactionID {
				t.Errorf("%v is no answer to %v: %v", answer, m, err)
			}
			if a := addrOf(answer.YourIPAddr); !a.IsUnspecified() {
				if who := has[a.String()]; a.Less(s.first) || s.last.Less(a) || who != "" && who != clientOf(m) {
					t.Errorf("%v lends %v to %q, which %q has", answer, a, clientOf(m), who)
				}
				has[a.String()] = clientOf(m)
			}
		}
	})
}
