package serve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	plainUDP     = 512             // the largest answer over UDP, RFC 1035 section 4.2.1
	forwardLimit = 2 * time.Second // how long the server behind may take
	domainPort   = 53
)

// serveDNS is a name server, RFC 1035, over UDP and TCP: args are ADDRESS:PORT,
// the names it knows as hosts(5) has them, and perhaps the address of a server
// that it asks for all others.
func serveDNS(ctx context.Context, args []string, ready func()) error {
	at, z, err := readDNSArgs(args)
	if err != nil {
		return err
	}
	udp, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", at.String())
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = udp.Close() })()
	tcp, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at.String())
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = tcp.Close() })()
	ready()
	go func() { _ = z.acceptTCP(ctx, tcp) }()
	return z.answerUDP(ctx, udp)
}

func readDNSArgs(args []string) (netip.AddrPort, *zone, error) {
	if len(args) < 2 {
		return netip.AddrPort{}, nil, errors.New("want an address with a port, and names")
	}
	at, err := netip.ParseAddrPort(args[0])
	if err != nil || at.Port() == 0 {
		return at, nil, fmt.Errorf("%q: want an address with a port", args[0])
	}
	z, err := readZone(args[1])
	if err == nil && len(args) > 2 {
		z.behind, err = netip.ParseAddr(args[2])
	}
	return at, z, err
}

func (z *zone) answerUDP(ctx context.Context, c net.PacketConn) error {
	b := make([]byte, datagram)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return unlessOver(ctx, err)
		}
		query := append([]byte(nil), b[:n]...)
		go func() { // whom we ask may be slow
			if a := z.respond(ctx, "udp", query); a != nil {
				_, _ = c.WriteTo(truncated(a), from) // a client that is gone needs no answer
			}
		}()
	}
}

// truncated asks a client to come again by TCP when the answer is too long.
func truncated(answer []byte) []byte {
	if len(answer) <= plainUDP {
		return answer
	}
	var m dnsmessage.Message
	if m.Unpack(answer) != nil {
		return answer
	}
	m.Truncated, m.Answers, m.Authorities, m.Additionals = true, nil, nil, nil
	b, err := m.Pack()
	if err != nil {
		return answer
	}
	return b
}

func (z *zone) acceptTCP(ctx context.Context, l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return unlessOver(ctx, err)
		}
		go z.answerTCP(ctx, c)
	}
}

// answerTCP answers one question after another: each message has its length
// before it, RFC 1035 section 4.2.2.
func (z *zone) answerTCP(ctx context.Context, c net.Conn) {
	defer c.Close()
	for {
		query, err := readTCP(c)
		if err != nil {
			return
		}
		answer := z.respond(ctx, "tcp", query)
		if answer == nil || writeTCP(c, answer) != nil {
			return
		}
	}
}

func readTCP(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(r, b)
	return b, err
}

func writeTCP(w io.Writer, b []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	return err
}

// ask puts a question to the server behind, over the protocol that it came by.
func (z *zone) ask(ctx context.Context, proto string, query []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, forwardLimit)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, proto, netip.AddrPortFrom(z.behind, domainPort).String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if until, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(until)
	}
	if proto == "tcp" {
		if err := writeTCP(c, query); err != nil {
			return nil, err
		}
		return readTCP(c)
	}
	if _, err := c.Write(query); err != nil {
		return nil, err
	}
	b := make([]byte, datagram)
	n, err := c.Read(b)
	return b[:n], err
}
