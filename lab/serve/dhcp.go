package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"
)

// dhcpServer lends addresses to the clients on one interface, RFC 2131.
type dhcpServer struct {
	*book
	self    netip.Prefix // by which clients know it
	lease   time.Duration
	options []dhcpv4.Option // what clients are told besides
}

// serveDHCP is a server of DHCP for IPv4: args are the interface, its address
// with the prefix length, the first and the last address of the pool, for how
// many seconds, the router ("" for none), and name servers.
func serveDHCP(ctx context.Context, args []string, ready func()) error {
	s, err := readDHCPArgs(args)
	if err != nil {
		return err
	}
	c, err := server4.NewIPv4UDPConn(args[0], &net.UDPAddr{Port: dhcpv4.ServerPort})
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	ready()
	for b := make([]byte, datagram); ; {
		n, _, err := c.ReadFrom(b)
		if err != nil {
			return unlessOver(ctx, err)
		}
		asked, err := dhcpv4.FromBytes(b[:n])
		if err != nil {
			continue // noise
		}
		if answer := s.respond(asked, time.Now()); answer != nil {
			_, _ = c.WriteTo(answer.ToBytes(), answerTo(answer)) // a client that is gone needs no answer
		}
	}
}

func readDHCPArgs(args []string) (*dhcpServer, error) {
	if len(args) < 6 {
		return nil, errors.New("want an interface, its address, the first and the last address to lend, for how long, and a router")
	}
	self, err := netip.ParsePrefix(args[1])
	first, ferr := netip.ParseAddr(args[2])
	last, lerr := netip.ParseAddr(args[3])
	seconds, derr := strconv.ParseUint(args[4], 10, 32)
	routers, rerr := readIPs(args[5:6])
	names, nerr := readIPs(args[6:])
	if err := errors.Join(err, ferr, lerr, derr, rerr, nerr); err != nil {
		return nil, err
	}
	if !self.Addr().Is4() || !first.Is4() || !last.Is4() {
		return nil, fmt.Errorf("%q: want IPv4 addresses", args[1:4])
	}
	s := &dhcpServer{book: newBook(first, last), self: self, lease: time.Duration(seconds) * time.Second}
	s.options = []dhcpv4.Option{
		dhcpv4.OptServerIdentifier(self.Addr().AsSlice()),
		dhcpv4.OptSubnetMask(net.CIDRMask(self.Bits(), 32)),
	}
	if len(routers) > 0 {
		s.options = append(s.options, dhcpv4.OptRouter(routers...))
	}
	if len(names) > 0 {
		s.options = append(s.options, dhcpv4.OptDNS(names...))
	}
	return s, nil
}

func readIPs(words []string) (out []net.IP, err error) {
	for _, w := range words {
		if w == "" {
			continue
		}
		a, err := netip.ParseAddr(w)
		if err != nil {
			return nil, err
		}
		out = append(out, a.AsSlice())
	}
	return out, nil
}

// respond answers a message, nil when it is for nobody here: RFC 2131 section
// 4.3. What a relay hands on is of another wire.
func (s *dhcpServer) respond(m *dhcpv4.DHCPv4, now time.Time) *dhcpv4.DHCPv4 {
	if m.OpCode != dhcpv4.OpcodeBootRequest || !unset(m.GatewayIPAddr) {
		return nil
	}
	switch m.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		return s.offer(m, now)
	case dhcpv4.MessageTypeRequest:
		return s.confirm(m, now)
	case dhcpv4.MessageTypeRelease:
		s.giveBack(clientOf(m))
	case dhcpv4.MessageTypeDecline: // somebody has the address without asking
		s.giveBack(clientOf(m))
		if a := addrOf(m.RequestedIPAddress()); s.free(a, "", now) {
			s.lend(a, "declined "+a.String(), now.Add(s.lease))
		}
	case dhcpv4.MessageTypeInform:
		return s.say(m, dhcpv4.MessageTypeAck)
	default: // what servers say
	}
	return nil
}

// offer answers DISCOVER, with silence when nothing is left.
func (s *dhcpServer) offer(m *dhcpv4.DHCPv4, now time.Time) *dhcpv4.DHCPv4 {
	client := clientOf(m)
	a, ok := s.choose(client, addrOf(m.RequestedIPAddress()), now)
	if !ok {
		return nil
	}
	until := now.Add(offered)
	if l := s.leases[a]; l.client == client && until.Before(l.until) {
		until = l.until // it has it, and only asks again
	}
	s.lend(a, client, until)
	return s.say(m, dhcpv4.MessageTypeOffer, dhcpv4.WithYourIP(a.AsSlice()), dhcpv4.WithOption(dhcpv4.OptIPAddressLeaseTime(s.lease)))
}

// confirm answers REQUEST: the first one, which names the server that it has
// chosen, and those by which a client keeps an address.
func (s *dhcpServer) confirm(m *dhcpv4.DHCPv4, now time.Time) *dhcpv4.DHCPv4 {
	client := clientOf(m)
	if chosen := addrOf(m.ServerIdentifier()); chosen.IsValid() && chosen != s.self.Addr() {
		s.giveBack(client)
		return nil
	}
	a := addrOf(m.RequestedIPAddress())
	if !unset(m.ClientIPAddr) {
		a = addrOf(m.ClientIPAddr)
	}
	if !a.IsValid() || !s.free(a, client, now) {
		return s.say(m, dhcpv4.MessageTypeNak)
	}
	s.lend(a, client, now.Add(s.lease))
	return s.say(m, dhcpv4.MessageTypeAck, dhcpv4.WithYourIP(a.AsSlice()), dhcpv4.WithOption(dhcpv4.OptIPAddressLeaseTime(s.lease)))
}

// say is an answer. A refusal tells nothing but who refuses.
func (s *dhcpServer) say(m *dhcpv4.DHCPv4, what dhcpv4.MessageType, more ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	more = append(more, dhcpv4.WithMessageType(what))
	for i, o := range s.options {
		if i == 0 || what != dhcpv4.MessageTypeNak {
			more = append(more, dhcpv4.WithOption(o))
		}
	}
	answer, err := dhcpv4.NewReplyFromRequest(m, more...)
	if err != nil {
		return nil // no random number: it will ask again
	}
	answer.ClientIPAddr = m.ClientIPAddr // where it is answered
	return answer
}

// answerTo is where a client hears: at the address that it has, else with
// everybody on the wire (RFC 2131 section 4.1).
func answerTo(answer *dhcpv4.DHCPv4) *net.UDPAddr {
	to := &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort}
	if !unset(answer.ClientIPAddr) && answer.MessageType() != dhcpv4.MessageTypeNak {
		to.IP = answer.ClientIPAddr
	}
	return to
}

// clientOf is who asks: by its own word, else by its MAC address.
func clientOf(m *dhcpv4.DHCPv4) string {
	if id := m.Options.Get(dhcpv4.OptionClientIdentifier); len(id) > 0 {
		return "id " + string(id)
	}
	return "mac " + m.ClientHWAddr.String()
}

func addrOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip.To4())
	return a
}

func unset(ip net.IP) bool { return ip == nil || ip.IsUnspecified() }
