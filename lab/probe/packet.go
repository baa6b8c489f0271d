package probe

import (
	"context"
	"fmt"
	"strconv"

	"nslab/lab/op"
)

// packet asks what a ping looks like at a place on its way: which addresses it
// has there, and what it is wrapped in. A ping is sent, and the echo request is
// looked for on an interface, by what is in it, whatever is around it.
type packet struct {
	ping
	in, on string
}

func readPacket(r *reader) []Probe {
	from := r.place("from")
	to := r.Required("to", "blue")
	return []Probe{packet{ping{from, r.resolve(from, to.Pos, to.Text), 1}, r.place("in"), r.Required("on", "eth0").Text}}
}

// packetFields are the keys of an expectation. The inner addresses are those of
// what a packet carries, where that is a packet again.
var packetFields = []field{
	{"src", address},
	{"dst", address},
	{"src-mac", macAddress},
	{"dst-mac", macAddress},
	{"ttl", upTo(255)},
	{"size", upTo(maxPort)},
	{"port", upTo(maxPort)},
	{"vni", upTo(maxVNI)},
	{"inner-src", address},
	{"inner-dst", address},
}

func (p packet) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

func (p packet) ask(ctx context.Context, r *rig, pat patience) Answer {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := born{p.from, p.to.addr.Is6()}
	sock, err := r.pinger(at)
	if err != nil {
		return broken(err)
	}
	defer r.release(at, sock)
	e := sock.echo(p.to.addr)
	defer sock.forget(e)
	t, err := r.tap(p.in, p.on, func(f frame) bool { return f.carries(sock, e) })
	if err != nil {
		return broken(err)
	}
	defer t.Close()
	go func() { _ = t.reading(t.drain) }() // ends when the socket is closed
	send := func() (Answer, bool) {
		if err := sock.send(e); err != nil {
			return unsent(p.from, p.to.addr, err), true
		}
		return Answer{}, false
	}
	if a, ok := send(); ok {
		return p.unseen(a)
	}
	return p.seen(r.await(ctx, question{from: p.from, to: p.to.addr, answers: p.orReply(ctx, t, e), again: send, patience: pat}))
}

// orReply is what was seen, or else what came of the ping: it went by another way.
func (p packet) orReply(ctx context.Context, t *tap, e *echo) <-chan Answer {
	out := make(chan Answer, 1)
	go func() {
		select {
		case a := <-t.seen:
			out <- a
		case a := <-e.answers:
			out <- t.after(a)
		case <-ctx.Done():
		}
	}()
	return out
}

func (p packet) seen(a Answer) Answer {
	if a.Outcome == Present || a.Outcome == Absent || a.Outcome == Error {
		return a
	}
	return p.unseen(a)
}

// unseen makes an answer of the ping that of the question.
func (p packet) unseen(a Answer) Answer {
	if a.Outcome == Error {
		return a
	}
	return Answer{Outcome: Absent, Text: fmt.Sprintf("it was not seen on %s in %s: %s", p.on, p.in, a)}
}

func (p packet) Command() op.Command {
	return inside(p.in, "tcpdump", "-c1", "-eni", p.on, "icmp or icmp6 or udp port "+strconv.Itoa(vxlanPort))
}

func (p packet) String() string {
	return fmt.Sprintf("a ping from %s to %s passes %s in %s", p.from, p.to, p.on, p.in)
}

func (p packet) Nodes() []string { return p.to.nodes(p.from, p.in) }
