package serve

import (
	"context"
	"net"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// datagram is the largest that UDP carries.
const datagram = 64 << 10

// serveUDPEcho sends back each datagram, RFC 862: the argument is the port. It
// has a socket for each family, because each answer must leave from the
// address that was asked: a machine with several addresses would otherwise
// answer with another one, and the client would not know it.
func serveUDPEcho(ctx context.Context, args []string, ready func()) error {
	p, err := port(args)
	if err != nil {
		return err
	}
	four, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp4", listening(p))
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = four.Close() })()
	six, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp6", listening(p))
	if err != nil && !withoutIPv6(err) {
		return err // a kernel without IPv6 is no mistake
	}
	if six != nil {
		defer context.AfterFunc(ctx, func() { _ = six.Close() })()
		go func() { _ = echo6(ctx, ipv6.NewPacketConn(six)) }()
	}
	return echo4(ctx, ipv4.NewPacketConn(four), ready)
}

func echo4(ctx context.Context, c *ipv4.PacketConn, ready func()) error {
	if err := c.SetControlMessage(ipv4.FlagDst, true); err != nil {
		return err
	}
	ready()
	for b := make([]byte, datagram); ; {
		n, cm, from, err := c.ReadFrom(b)
		if err != nil {
			return unlessOver(ctx, err)
		}
		_, _ = c.WriteTo(b[:n], &ipv4.ControlMessage{Src: cm.Dst}, from) // a client out of reach is its own affair
	}
}

func echo6(ctx context.Context, c *ipv6.PacketConn) error {
	if err := c.SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true); err != nil {
		return err
	}
	for b := make([]byte, datagram); ; {
		n, cm, from, err := c.ReadFrom(b)
		if err != nil {
			return unlessOver(ctx, err)
		}
		_, _ = c.WriteTo(b[:n], &ipv6.ControlMessage{Src: cm.Dst}, from)
	}
}
