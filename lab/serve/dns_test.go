package serve_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"nslab/lab/op"
)

// aZone is what the name server of the tests knows.
const aZone = `172.18.0.2 ca a4fd6f79fbab web
172.18.0.3 cb web
fd00::2 ca
`

func newDNS(t *testing.T) *op.Kernel {
	t.Helper()
	k := newKernel(t)
	s := op.Service{
		NS: "red", Kind: "dns", Addr: netip.MustParseAddr("127.0.0.11"), Port: 53,
		Names: aZone, Forward: netip.MustParseAddr("127.0.0.12"),
	}
	if err := s.Do(k); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Undo(k) })
	return k
}

func TestDNS(t *testing.T) {
	k := newDNS(t)
	behind(t, k)
	tests := []struct {
		name string
		typ  dnsmessage.Type
		want string
	}{
		{"ca.", dnsmessage.TypeA, "RCodeSuccess 172.18.0.2"},
		{"CA.", dnsmessage.TypeA, "RCodeSuccess 172.18.0.2"},
		{"a4fd6f79fbab.", dnsmessage.TypeA, "RCodeSuccess 172.18.0.2"},
		{"ca.", dnsmessage.TypeAAAA, "RCodeSuccess fd00::2"},
		{"cb.", dnsmessage.TypeAAAA, "RCodeSuccess"}, // the name is known, it only has no such address
		{"ca.", dnsmessage.TypeMX, "RCodeSuccess"},
		{"2.0.18.172.in-addr.arpa.", dnsmessage.TypePTR, "RCodeSuccess ca."},
		{"2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.", dnsmessage.TypePTR, "RCodeSuccess ca."},
		{"www.example.", dnsmessage.TypeA, "RCodeSuccess 192.0.2.7"}, // by the server behind
		{"nobody.example.", dnsmessage.TypeA, "RCodeNameError"},
	}
	for _, tt := range tests {
		for _, proto := range []string{"udp", "tcp"} {
			if got := query(t, k, proto, tt.name, tt.typ); got != tt.want {
				t.Errorf("%s %s over %s: %s, want %s", tt.name, tt.typ, proto, got, tt.want)
			}
		}
	}
}

// Of two who share a name, each is the first in turn.
func TestDNSInTurn(t *testing.T) {
	k := newDNS(t)
	first := map[string]bool{}
	for range 2 {
		answer := query(t, k, "udp", "web.", dnsmessage.TypeA)
		first[strings.Fields(answer)[1]] = true
		_ = query(t, k, "udp", "web.", dnsmessage.TypeAAAA)
	}
	if !first["172.18.0.2"] || !first["172.18.0.3"] {
		t.Errorf("first came %v", first)
	}
}

// Without the server behind, a name that is not known may exist all the same.
func TestDNSNobodyBehind(t *testing.T) {
	k := newDNS(t)
	if got := query(t, k, "udp", "www.example.", dnsmessage.TypeA); got != "RCodeServerFailure" {
		t.Errorf("got %s", got)
	}
}

// What is no question gets no answer, and does no harm.
func TestDNSRubbish(t *testing.T) {
	k := newDNS(t)
	c := dial(t, k, "udp", "127.0.0.11:53")
	defer c.Close()
	for _, b := range []string{"", "x", strings.Repeat("\xff", 600)} {
		if _, err := c.Write([]byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	if got := query(t, k, "udp", "ca.", dnsmessage.TypeA); got != "RCodeSuccess 172.18.0.2" {
		t.Errorf("got %s", got)
	}
}

// query asks for one record and returns the code and the records of the answer.
func query(t *testing.T, k *op.Kernel, proto, name string, typ dnsmessage.Type) string {
	t.Helper()
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET}},
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, k, proto, "127.0.0.11:53")
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if m.Unpack(exchange(t, c, proto, b)) != nil || m.ID != 7 || !m.Response {
		t.Fatalf("%s: not an answer: %v", name, m)
	}
	return spoken(m)
}

func spoken(m dnsmessage.Message) string {
	out := m.RCode.String()
	for _, rr := range m.Answers {
		switch body := rr.Body.(type) {
		case *dnsmessage.AResource:
			out += " " + netip.AddrFrom4(body.A).String()
		case *dnsmessage.AAAAResource:
			out += " " + netip.AddrFrom16(body.AAAA).String()
		case *dnsmessage.PTRResource:
			out += " " + body.PTR.String()
		}
	}
	return out
}

func exchange(t *testing.T, c net.Conn, proto string, b []byte) []byte {
	t.Helper()
	if proto == "tcp" {
		b = append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
	}
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1500)
	n, err := c.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	if proto == "tcp" {
		return answer[2:n]
	}
	return answer[:n]
}

// behind is a server that knows one name; it answers until the test is over.
func behind(t *testing.T, k *op.Kernel) {
	t.Helper()
	var packets net.PacketConn
	var stream net.Listener
	err := k.Inside("red", func() (err error) {
		if packets, err = (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.12:53"); err != nil {
			return err
		}
		stream, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.12:53")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { packets.Close(); stream.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := packets.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = packets.WriteTo(known(b[:n]), from)
		}
	}()
	go func() {
		for {
			c, err := stream.Accept()
			if err != nil {
				return
			}
			var size [2]byte
			_, _ = io.ReadFull(c, size[:])
			b := make([]byte, binary.BigEndian.Uint16(size[:]))
			_, _ = io.ReadFull(c, b)
			b = known(b)
			_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
			c.Close()
		}
	}()
}

func known(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.RCode = true, dnsmessage.RCodeNameError
	if q.Name.String() == "www.example." {
		m.RCode = dnsmessage.RCodeSuccess
		h := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}
		m.Answers = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}}}}
	}
	b, _ := m.Pack() // it has just been unpacked
	return b
}
