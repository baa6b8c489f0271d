package serve

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// quiet is how long a UDP client may say nothing until it is forgotten.
const quiet = 90 * time.Second

// parcel is a datagram, who sent it, and to which of our addresses.
type parcel struct {
	data []byte
	from net.Addr
	at   netip.Addr
}

// door is where clients knock: each answer must leave from the address that
// was asked.
type door interface {
	read([]byte) (parcel, error)
	write(parcel) error
}

type door4 struct{ *ipv4.PacketConn }

func (d door4) read(b []byte) (parcel, error) {
	n, cm, from, err := d.ReadFrom(b)
	if err != nil {
		return parcel{}, err
	}
	at, _ := netip.AddrFromSlice(cm.Dst.To4())
	return parcel{b[:n], from, at}, nil
}

func (d door4) write(p parcel) error {
	_, err := d.WriteTo(p.data, &ipv4.ControlMessage{Src: p.at.AsSlice()}, p.from)
	return err
}

type door6 struct{ *ipv6.PacketConn }

func (d door6) read(b []byte) (parcel, error) {
	n, cm, from, err := d.ReadFrom(b)
	if err != nil {
		return parcel{}, err
	}
	at, _ := netip.AddrFromSlice(cm.Dst)
	return parcel{b[:n], from, at}, nil
}

func (d door6) write(p parcel) error {
	_, err := d.WriteTo(p.data, &ipv6.ControlMessage{Src: p.at.AsSlice()}, p.from)
	return err
}

func (p proxy) udp(ctx context.Context, ready func()) error {
	c, err := (&net.ListenConfig{}).ListenPacket(ctx, p.proto, p.from)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	d, err := opened(c, p.proto)
	if err != nil {
		return err
	}
	ready()
	talks := &talks{to: p.to, open: map[string]net.Conn{}}
	for b := make([]byte, datagram); ; {
		in, err := d.read(b)
		if err != nil {
			return unlessOver(ctx, err)
		}
		talks.forward(ctx, d, in)
	}
}

func opened(c net.PacketConn, proto string) (door, error) {
	if proto == "udp6" {
		d := door6{ipv6.NewPacketConn(c)}
		return d, d.SetControlMessage(ipv6.FlagDst, true)
	}
	d := door4{ipv4.NewPacketConn(c)}
	return d, d.SetControlMessage(ipv4.FlagDst, true)
}

// talks are the conversations with the far side, one socket for each client:
// its port is how an answer finds back.
type talks struct {
	to   string
	mu   sync.Mutex
	open map[string]net.Conn
}

// forward hands a datagram on. What cannot be delivered is lost, as is UDP's way.
func (t *talks) forward(ctx context.Context, d door, in parcel) {
	who := in.from.String() + " " + in.at.String()
	t.mu.Lock()
	defer t.mu.Unlock()
	far := t.open[who]
	if far == nil {
		var err error
		if far, err = (&net.Dialer{}).DialContext(ctx, "udp", t.to); err != nil {
			return
		}
		t.open[who] = far
		go t.answer(d, parcel{from: in.from, at: in.at}, who, far)
	}
	_, _ = far.Write(in.data)
}

// answer brings what the far side says to the client until both have been quiet.
func (t *talks) answer(d door, back parcel, who string, far net.Conn) {
	for b := make([]byte, datagram); ; {
		_ = far.SetReadDeadline(time.Now().Add(quiet))
		n, err := far.Read(b)
		if err != nil {
			break
		}
		back.data = b[:n]
		_ = d.write(back)
	}
	t.mu.Lock()
	delete(t.open, who)
	t.mu.Unlock()
	_ = far.Close()
}
