package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// aPing is an echo request in a frame, and in a VXLAN packet in a frame.
func aPing(f *testing.F) (plain, wrapped []byte) {
	f.Helper()
	pack := func(payload []byte, ls ...gopacket.SerializableLayer) []byte {
		b := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, append(ls, gopacket.Payload(payload))...); err != nil {
			f.Fatal(err)
		}
		return bytes.Clone(b.Bytes())
	}
	mac, a, b := net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.IP{10, 0, 0, 1}, net.IP{10, 0, 0, 2}
	eth := &layers.Ethernet{SrcMAC: mac, DstMAC: mac, EthernetType: layers.EthernetTypeIPv4}
	plain = pack(stamp{}.message(7), eth, &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: a, DstIP: b})
	udp := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: a, DstIP: b}
	return plain, pack(plain, eth, udp, &layers.UDP{SrcPort: 5, DstPort: vxlanPort}, &layers.VXLAN{ValidIDFlag: true, VNI: 9})
}

// FuzzFrame takes frames apart that anybody may have put on a wire: what is
// told of one is of the kind that an expectation compares it with.
func FuzzFrame(f *testing.F) {
	plain, wrapped := aPing(f)
	f.Add(plain)
	f.Add(wrapped)
	f.Add(plain[:20])
	f.Add(append(bytes.Repeat([]byte{0xff}, 12), 0x81, 0, 0, 1, 0x86, 0xdd))
	kinds := map[string]func(string) (string, error){}
	for _, k := range packetFields {
		kinds[k.key] = k.read
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fr := apart(b)
		p := &pinger{waiting: map[uint16]*echo{}}
		e := p.echo(netip.Addr{})
		_ = fr.String()
		for key, value := range fr.data() {
			if got, err := kinds[key](value); err != nil || got != value {
				t.Errorf("%s is %q: %q, %v", key, value, got, err)
			}
		}
		if fr.carries(p, e) {
			t.Error("a ping was seen that was never sent")
		}
		if p.expect(e); len(b) == len(plain) && bytes.Equal(b[42:], stamp{}.message(1)) && !fr.carries(p, e) && strings.Contains(fr.String(), "echo request") {
			t.Error("a ping that was sent was not seen")
		}
	})
}

// FuzzComplaint reads what comes with MSG_ERRQUEUE: a router may write anything
// into an ICMP error.
func FuzzComplaint(f *testing.F) {
	oob := func(level, typ int32, data ...byte) []byte {
		b := make([]byte, unix.CmsgSpace(len(data)))
		binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(len(data))))
		binary.NativeEndian.PutUint32(b[8:], uint32(level))
		binary.NativeEndian.PutUint32(b[12:], uint32(typ))
		copy(b[unix.CmsgLen(0):], data)
		return b
	}
	err := []byte{113, 0, 0, 0, unix.SO_EE_ORIGIN_ICMP, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	f.Add(oob(unix.IPPROTO_IP, unix.IP_RECVERR, append(err, unix.AF_INET, 0, 0, 0, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)...))
	f.Add(oob(unix.IPPROTO_IPV6, unix.IPV6_RECVERR, append(err, unix.AF_INET6, 0)...))
	f.Add(oob(unix.IPPROTO_IP, unix.IP_RECVERR, err[:7]...))
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, oob []byte) {
		c, ok := parseComplaint(oob)
		if !ok {
			return
		}
		a := c.answer()
		if a.Text == "" || strings.ContainsAny(a.Text, "\x1b\n") || a.Outcome != Unreachable && a.Outcome != Refused {
			t.Errorf("%+v is %+v", c, a)
		}
		if (a.Outcome == Refused) != c.refused() && c.origin != unix.SO_EE_ORIGIN_LOCAL {
			t.Errorf("%+v is %s", c, a.Outcome)
		}
	})
}

// FuzzStamp reads what comes to a raw socket: only an answer with our nonce and
// our identifier is ours.
func FuzzStamp(f *testing.F) {
	ours := stamp{id: 0x1234, nonce: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}}
	v4 := append([]byte{0x45}, make([]byte, 19)...)
	f.Add(append(v4, ours.message(7)...), false)
	f.Add(ours.message(7), true)
	f.Add([]byte{0x4f, 0}, false)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, b []byte, v6 bool) {
		s := stamp{v6: v6, id: ours.id, nonce: ours.nonce}
		m, mine := s.mine(b)
		if !mine {
			return
		}
		if !bytes.HasSuffix(b, m) || !bytes.Contains(m, ours.nonce[:]) || binary.BigEndian.Uint16(m[4:]) != ours.id {
			t.Errorf("%x was taken for ours", b)
		}
		_ = sequence(m)
	})
}

// FuzzResponse reads what a name server sends: an answer to what was not asked
// changes nothing, and what is not understood is no answer.
func FuzzResponse(f *testing.F) {
	name := dnsmessage.MustNewName("blue.")
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, Response: true}, Answers: []dnsmessage.Resource{
		{Header: dnsmessage.ResourceHeader{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}, Body: &dnsmessage.AResource{A: [4]byte{10, 0, 0, 1}}},
	}}
	b, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-3])
	f.Add([]byte{0, 7, 0x80, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		q := &query{name: "blue", open: map[uint16]bool{7: true}}
		q.read(b)
		if len(q.open) == 1 && (len(q.found) > 0 || q.code != 0) {
			t.Errorf("%v, code %v from what was no answer", q.found, q.code)
		}
		if a := q.answer(netip.IPv6Loopback()); (a.Outcome == Reply) != (len(q.found) > 0) || a.Text == "" {
			t.Errorf("%+v", a)
		}
	})
}

// FuzzHTTP has a web server say anything: there is an answer in time, which is
// short, and no longer body than is compared.
func FuzzHTTP(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Nslab-Seen-As: 10.0.0.1\r\n\r\nhi", "HTTP/1.1 200 OK\r\nX-Nslab-Seen-As: fe80::1%\x1b[31m\r\n\r\n\x1b[2J",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 99999 \r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08", "\x1b]0;title\x07\r\n\r\n", "HTTP/1.1 200 OK\r\n" + strings.Repeat("a", 70000), "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		here, there := net.Pipe()
		defer here.Close()
		go func() {
			defer there.Close()
			go func() { _, _ = io.Copy(io.Discard, there) }()
			_, _ = there.Write(said)
		}()
		p := get{from: "red", url: "http://blue/", host: "blue", port: 80}
		a := p.over(context.Background(), here, time.Now().Add(5*time.Second))
		if len(a.Data["body"]) > maxBody || len([]rune(a.Text)) > 1000 || a.Text == "" {
			t.Errorf("%d bytes are told as %d: %s", len(said), len(a.Text), a.Text)
		}
		if status, err := strconv.Atoi(a.Data["status"]); a.Outcome == Reply && (err != nil || status < 0) {
			t.Errorf("status %q", a.Data["status"])
		}
	})
}
