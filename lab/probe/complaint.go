package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// complaint is an ICMP error about a packet of ours, or the kernel's own.
type complaint struct {
	errno   unix.Errno
	origin  uint8 // SO_EE_ORIGIN_*
	typ     uint8
	code    uint8
	info    uint32     // the MTU of "packet too big"
	from    netip.Addr // who says so
	payload []byte     // what of our packet came back
}

// Layout of struct sock_extended_err, linux/errqueue.h.
const (
	eeOrigin, eeType, eeCode, eeInfo, eeSize = 4, 5, 6, 8, 16
)

func parseComplaint(oob []byte) (complaint, bool) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return complaint{}, false
	}
	for _, m := range msgs {
		four := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR
		six := m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		if (four || six) && len(m.Data) >= eeSize {
			return complaint{
				errno:  unix.Errno(binary.NativeEndian.Uint32(m.Data)),
				origin: m.Data[eeOrigin], typ: m.Data[eeType], code: m.Data[eeCode],
				info: binary.NativeEndian.Uint32(m.Data[eeInfo:]),
				from: offender(m.Data[eeSize:]),
			}, true
		}
	}
	return complaint{}, false
}

// offender reads the struct sockaddr behind the error (SO_EE_OFFENDER).
func offender(b []byte) netip.Addr {
	switch {
	case len(b) >= 8 && binary.NativeEndian.Uint16(b) == unix.AF_INET:
		return netip.AddrFrom4([4]byte(b[4:8]))
	case len(b) >= 24 && binary.NativeEndian.Uint16(b) == unix.AF_INET6:
		return netip.AddrFrom16([16]byte(b[8:24])).Unmap()
	}
	return netip.Addr{}
}

// Types and codes that mean more than their words.
const (
	unreachable4, portUnreachable4 = 3, 3 // RFC 792
	unreachable6, portUnreachable6 = 1, 4 // RFC 4443
)

// refused says that the target's kernel has nobody on that port.
func (c complaint) refused() bool {
	return c.origin == unix.SO_EE_ORIGIN_ICMP && c.typ == unreachable4 && c.code == portUnreachable4 ||
		c.origin == unix.SO_EE_ORIGIN_ICMP6 && c.typ == unreachable6 && c.code == portUnreachable6
}

// answer is what the complaint means for the question.
func (c complaint) answer() Answer {
	if c.origin == unix.SO_EE_ORIGIN_LOCAL {
		return Answer{Outcome: Unreachable, Text: c.errno.Error()}
	}
	a := Answer{Outcome: Unreachable, Text: "From " + c.from.String() + ": " + c.words()}
	if c.refused() {
		a.Outcome = Refused
	}
	return a
}

// words are those of ping(8).
func (c complaint) words() string {
	if c.origin == unix.SO_EE_ORIGIN_ICMP6 {
		return c.words6()
	}
	words := map[[2]uint8]string{
		{3, 0}: "Destination Net Unreachable", {3, 1}: "Destination Host Unreachable",
		{3, 2}: "Destination Protocol Unreachable", {3, 3}: "Destination Port Unreachable",
		{3, 5}: "Source Route Failed", {3, 6}: "Destination Net Unknown", {3, 7}: "Destination Host Unknown",
		{3, 9}: "Destination Net Prohibited", {3, 10}: "Destination Host Prohibited", {3, 13}: "Packet filtered",
		{11, 0}: "Time to live exceeded", {11, 1}: "Frag reassembly time exceeded",
	}
	if c.typ == 3 && c.code == 4 {
		return fmt.Sprintf("Frag needed and DF set (mtu = %d)", c.info)
	}
	return c.or(words[[2]uint8{c.typ, c.code}])
}

func (c complaint) words6() string {
	words := map[[2]uint8]string{
		{1, 0}: "Destination unreachable: No route", {1, 1}: "Destination unreachable: Administratively prohibited",
		{1, 2}: "Destination unreachable: Beyond scope of source address", {1, 3}: "Destination unreachable: Address unreachable",
		{1, 4}: "Destination unreachable: Port unreachable", {1, 5}: "Destination unreachable: Source address failed ingress/egress policy",
		{1, 6}: "Destination unreachable: Reject route to destination", {3, 0}: "Time exceeded: Hop limit",
	}
	if c.typ == 2 {
		return fmt.Sprintf("Packet too big: mtu=%d", c.info)
	}
	return c.or(words[[2]uint8{c.typ, c.code}])
}

func (c complaint) or(words string) string {
	if words != "" {
		return words
	}
	return fmt.Sprintf("ICMP type %d code %d (%v)", c.typ, c.code, c.errno)
}

// unsent is the answer when the kernel would not send at all. Only a reason
// that the routing or a firewall gives is an answer; anything else means that
// the question was not put.
func unsent(from string, to netip.Addr, err error) Answer {
	var why string
	switch {
	case errors.Is(err, unix.ENETUNREACH):
		why = fmt.Sprintf("%s has no route to %s", from, to)
	case errors.Is(err, unix.EHOSTUNREACH):
		why = fmt.Sprintf("the routing of %s says that %s cannot be reached", from, to)
	case errors.Is(err, unix.EACCES):
		why = fmt.Sprintf("a prohibit route of %s covers %s", from, to)
	case errors.Is(err, unix.EINVAL):
		why = fmt.Sprintf("a blackhole route of %s covers %s", from, to)
	case errors.Is(err, unix.EPERM):
		why = fmt.Sprintf("a firewall rule of %s drops what goes to %s", from, to)
	default:
		return Answer{Outcome: Error, Text: fmt.Sprintf("sending from %s to %s: %v", from, to, err)}
	}
	return Answer{Outcome: Unreachable, Text: sentence(err) + ": " + why}
}

// sentence is the text of the errno in the words of strerror(3).
func sentence(err error) string {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	s := errno.Error()
	return string(s[0]-'a'+'A') + s[1:]
}
