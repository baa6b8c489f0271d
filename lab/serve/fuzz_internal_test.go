package serve

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// FuzzDNS sends anything to a name server that knows what a lab file says: it
// is silent, or says something that belongs to the question and fits.
func FuzzDNS(f *testing.F) {
	for _, q := range []struct {
		name string
		typ  dnsmessage.Type
	}{
		{"ca.", dnsmessage.TypeA},
		{"CA.", dnsmessage.TypeAAAA},
		{"2.0.18.172.in-addr.arpa.", dnsmessage.TypePTR},
		{strings.Repeat("0.", 32) + "ip6.arpa.", dnsmessage.TypePTR},
		{".", dnsmessage.TypeALL},
	} {
		m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, RecursionDesired: true}, Questions: []dnsmessage.Question{
			{Name: dnsmessage.MustNewName(q.name), Type: q.typ, Class: dnsmessage.ClassINET},
		}}
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "172.18.0.2 ca web\n172.18.0.3 ca\nfd00::2 ca\n")
		f.Add(b[:len(b)-1], ":: ca.")
	}
	f.Add([]byte{}, "172.18.0.2 "+strings.Repeat("x", 300))
	f.Add([]byte{0, 0, 0x81, 0x80, 0, 1}, "nonsense")
	f.Fuzz(func(t *testing.T, query []byte, hosts string) {
		z, err := readZone(hosts)
		if err != nil {
			return
		}
		answer := z.respond(context.Background(), "udp", query)
		if answer == nil {
			return
		}
		short := truncated(answer)
		var asked, m dnsmessage.Message
		if err := asked.Unpack(query); err != nil {
			t.Fatalf("%q was answered: %v", query, err)
		}
		if err := m.Unpack(short); err != nil || !m.Response || m.ID != asked.ID {
			t.Errorf("%+v is no answer to %+v: %v", m, asked, err)
		}
		if len(answer) > plainUDP && len(m.Answers) > 0 {
			t.Errorf("%d bytes were not cut", len(answer))
		}
	})
}

// FuzzTCP reads messages with their length before them, and writes them again.
func FuzzTCP(f *testing.F) {
	f.Add([]byte{0, 2, 'a', 'b'})
	f.Add([]byte{0xff, 0xff, 'a'})
	f.Fuzz(func(t *testing.T, stream []byte) {
		b, err := readTCP(bytes.NewReader(stream))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := writeTCP(&out, b); err != nil || !bytes.HasPrefix(stream, out.Bytes()) {
			t.Errorf("%q was read and written as %q: %v", stream, out.Bytes(), err)
		}
	})
}
