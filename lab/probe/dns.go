package probe

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// domainPort is where name servers listen, RFC 1035.
const domainPort = 53

// query is a question for the IPv4 and one for the IPv6 addresses of a name.
type query struct {
	name     string
	messages [][]byte
	open     map[uint16]bool  // identifiers without an answer yet
	found    []netip.Addr     // of both, once collect is done
	code     dnsmessage.RCode // why a server does not answer, RCodeSuccess when it does
}

func newQuery(name string) (*query, error) {
	full, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return nil, fmt.Errorf("the name %q: %w", name, err)
	}
	q := &query{name: name, open: map[uint16]bool{}}
	for _, t := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		m := dnsmessage.Message{
			Header:    dnsmessage.Header{ID: q.fresh(), RecursionDesired: true},
			Questions: []dnsmessage.Question{{Name: full, Type: t, Class: dnsmessage.ClassINET}},
		}
		b, err := m.Pack()
		if err != nil {
			return nil, fmt.Errorf("the name %q: %w", name, err)
		}
		q.messages = append(q.messages, b)
	}
	return q, nil
}

// fresh is an identifier that nobody can guess.
func (q *query) fresh() uint16 {
	for {
		var b [2]byte
		_, _ = rand.Read(b[:]) // never fails
		if id := binary.BigEndian.Uint16(b[:]); !q.open[id] {
			q.open[id] = true
			return id
		}
	}
}

// collect reads until both questions are answered.
func (q *query) collect(s *socket, ns string, server netip.AddrPort) (a Answer) {
	b := make([]byte, 4096)
	err := s.reading(func(fd int) bool {
		for len(q.open) > 0 {
			n, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
			if errors.Is(err, unix.EAGAIN) {
				return false
			}
			if err != nil {
				a = s.refusal(ns, server, err)
				return true
			}
			q.read(b[:n])
		}
		a = q.answer(server.Addr())
		return true
	})
	if err != nil {
		return broken(err)
	}
	return a
}

// read takes the addresses out of a response; what is none is ignored.
func (q *query) read(b []byte) {
	var m dnsmessage.Message
	if err := m.Unpack(b); err != nil || !m.Response || !q.open[m.ID] {
		return
	}
	delete(q.open, m.ID)
	if m.RCode != dnsmessage.RCodeNameError {
		q.code = max(q.code, m.RCode)
	}
	for _, rr := range m.Answers {
		switch body := rr.Body.(type) {
		case *dnsmessage.AResource:
			q.found = append(q.found, netip.AddrFrom4(body.A))
		case *dnsmessage.AAAAResource:
			q.found = append(q.found, netip.AddrFrom16(body.AAAA))
		}
	}
}

func (q *query) answer(server netip.Addr) Answer {
	switch {
	case len(q.found) == 0 && q.code != dnsmessage.RCodeSuccess:
		return Answer{Outcome: Refused, Text: fmt.Sprintf("the server %s cannot say what %s is (%s)", server, q.name, strings.TrimPrefix(q.code.String(), "RCode"))}
	case len(q.found) == 0:
		return Answer{Outcome: Absent, Text: fmt.Sprintf("the server %s knows no address of %s", server, q.name)}
	}
	return Answer{Outcome: Reply, Text: fmt.Sprintf("%s is %s (server %s)", q.name, join(q.found), server)}
}
