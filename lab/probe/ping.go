package probe

import (
	"context"
	"fmt"
	"slices"

	"nslab/lab/op"
	"nslab/topology"
)

// ping asks for echo replies, ICMP (RFC 792) or ICMPv6 (RFC 4443).
type ping struct {
	from  string
	to    target
	count int
}

// maxCount bounds `count`: each echo is answered before the next is sent.
const maxCount = 100

func readPing(r *reader) []Probe {
	count := r.Int("count", 1, 1, maxCount)
	if among := r.Value("among"); among.Kind != topology.Absent {
		return readPairs(r, count)
	}
	from := r.place("from")
	to := r.Required("to", "blue")
	return []Probe{ping{from, r.resolve(from, to.Pos, to.Text), count}}
}

// Most bounds the questions of a lab file, which are all in memory, and whose
// answers are too: a kilobyte each. It is every pair among 500 nodes.
const Most = 250_000

// readPairs is every ordered pair among a list of nodes.
func readPairs(r *reader, count int) []Probe {
	nodes := r.Words("among")
	for _, key := range []string{"from", "to"} {
		if w := r.Word(key); w.Text != "" {
			r.Complain(w.Pos, "%s and among exclude each other: among asks every pair", key)
		}
	}
	if len(nodes) < 2 {
		r.Complain(r.check.Pos, "among: want at least two nodes: among: [red, blue]")
	}
	if pairs := len(nodes) * (len(nodes) - 1); pairs > Most {
		r.Complain(r.check.Pos, "among: every pair of %d nodes is %d pings, a lab file may ask %d questions: ask among some of them", len(nodes), pairs, Most)
		return nil
	}
	out := make([]Probe, 0, len(nodes)*len(nodes))
	for i, from := range nodes {
		if slices.ContainsFunc(nodes[:i], func(w topology.Word) bool { return w.Text == from.Text }) {
			r.Complain(from.Pos, "%s is in the list already", from)
		}
		r.asker(from)
		for _, to := range nodes {
			if from.Text != to.Text && r.known.HasNode(from.Text) && r.known.HasNode(to.Text) {
				out = append(out, ping{from.Text, r.resolve(from.Text, to.Pos, to.Text), count})
			}
		}
	}
	return out
}

func (p ping) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

func (p ping) ask(ctx context.Context, r *rig, pat patience) Answer {
	at := p.born()
	sock, err := r.pinger(at)
	if err != nil {
		return broken(err)
	}
	defer r.release(at, sock)
	var a Answer
	for range max(p.count, 1) {
		if a = p.once(ctx, r, sock, pat); a.Outcome != Reply {
			break
		}
	}
	return a
}

// once waits for the reply to one echo request, which is sent again as long as
// there is silence.
func (p ping) once(ctx context.Context, r *rig, sock *pinger, pat patience) Answer {
	e := sock.echo(p.to.addr)
	defer sock.forget(e)
	send := func() (Answer, bool) {
		if err := sock.send(e); err != nil {
			return unsent(p.from, p.to.addr, err), true
		}
		return Answer{}, false
	}
	if a, ok := send(); ok {
		return a
	}
	return r.await(ctx, question{from: p.from, to: p.to.addr, answers: e.answers, again: send, patience: pat})
}

// born is where its echo requests come from.
func (p ping) born() born { return born{p.from, p.to.addr.Is6()} }

func (p ping) Command() op.Command {
	return inside(p.from, "ping", fmt.Sprintf("-c%d", max(p.count, 1)), "-W1", p.to.addr.String())
}

func (p ping) String() string { return p.from + " reaches " + p.to.String() }

func (p ping) Nodes() []string { return p.to.nodes(p.from) }

// inside is a command as typed on the lab's host for a namespace.
func inside(ns string, words ...string) op.Command {
	if ns == topology.Host {
		return words
	}
	return append(op.Command{"ip", "netns", "exec", ns}, words...)
}
