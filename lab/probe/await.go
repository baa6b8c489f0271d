package probe

import (
	"context"
	"net/netip"
	"time"
)

// question is a packet under way.
type question struct {
	from    string
	to      netip.Addr
	answers <-chan Answer
	again   func() (Answer, bool) // sends it once more; true when that has an answer at once. May be nil
	patience
}

// The first repetition comes early, for the packet that was lost because a
// bridge port was not ready; later ones at the pace of ping(8).
const (
	firstAgain = 300 * time.Millisecond
	againAfter = time.Second
)

// await turns silence into an answer.
func (r *rig) await(ctx context.Context, q question) Answer {
	start := time.Now()
	listen, again := time.NewTimer(q.listen), time.NewTimer(firstAgain)
	defer listen.Stop()
	defer again.Stop()
	for {
		select {
		case a := <-q.answers:
			return a
		case <-again.C:
			if a, ok := q.repeat(); ok {
				return a
			}
			again.Reset(againAfter)
		case <-listen.C:
			return r.silence(ctx, q, start)
		case <-ctx.Done():
			return interrupted(ctx)
		}
	}
}

// repeat sends again, but never to press a router for its complaint: see turn.
func (q question) repeat() (Answer, bool) {
	if q.again == nil || q.errors {
		return Answer{}, false
	}
	return q.again()
}

func interrupted(ctx context.Context) Answer { return broken(context.Cause(ctx)) }

// silence decides what silence means. Where a reply was hoped for there is no
// more to learn. Otherwise it looks whether the packet has left, and waits
// while the kernel still asks for the next hop's address.
func (r *rig) silence(ctx context.Context, q question, start time.Time) Answer {
	hop := r.nextHop(q.from, q.to)
	if !q.settle {
		return silent(q, hop, start)
	}
	limit, look := time.NewTimer(q.limit-time.Since(start)), time.NewTicker(50*time.Millisecond)
	defer limit.Stop()
	defer look.Stop()
	for hop.pending() {
		select {
		case a := <-q.answers:
			return a
		case <-look.C:
			hop = r.nextHop(q.from, q.to)
		case <-limit.C:
			return silent(q, hop, start)
		case <-ctx.Done():
			return interrupted(ctx)
		}
	}
	if q.errors && !hop.failed() {
		return r.complaints(ctx, q, start)
	}
	return lastWord(ctx, q, silent(q, hop, start))
}

// complaints waits for what a router has to say about a packet that has left,
// and sends it again when it is its turn.
func (r *rig) complaints(ctx context.Context, q question, start time.Time) Answer {
	for presses := maxPresses; presses > 0 && q.again != nil; {
		d := r.turn(q.from, start)
		switch {
		case q.over(start, d):
			presses = 0
			continue
		case d == 0:
			presses--
			d = listenWithin
			if a, ok := q.again(); ok {
				return a
			}
		}
		if a, ok := q.hears(ctx, d); ok {
			return a
		}
	}
	last := max(time.Until(start.Add(q.limit)), lastWordWithin)
	if a, ok := q.hears(ctx, last); ok {
		return a
	}
	return silent(q, hop{}, start)
}

// ration is how long a router needs to be allowed another complaint. Linux
// lets it send two "net unreachable" to a host, then one in two seconds, and
// every packet that comes in between uses up that ration without an answer:
// pressing a router silences it (ip_error and inet_peer_xrlim_allow in
// net/ipv4, icmp_ratelimit in icmp(7)).
const ration = 2200 * time.Millisecond

// maxPresses is how often a question presses a router: once more than needed,
// for what somebody else has used of the ration.
const maxPresses = 2

// turn is how long a question of a namespace, put first at start, has to wait
// until routers that stayed silent may be pressed again; 0 when it is its turn,
// which it takes by asking. What counts is when one was really sent: on a busy
// machine that is later than it was meant to be.
func (r *rig) turn(ns string, start time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.turns[ns]
	if start.After(last) {
		last = start
	}
	if d := time.Until(last.Add(ration)); d > 0 {
		return d
	}
	r.turns[ns] = time.Now()
	return 0
}

// over says that the limit that the file has set comes before the next turn.
// Without such a limit a turn is waited for.
func (p patience) over(start time.Time, turn time.Duration) bool {
	return p.fixed && time.Until(start.Add(p.limit)) < turn
}

// hears waits for an answer, or the end of ctx, but not for longer than d.
func (q question) hears(ctx context.Context, d time.Duration) (Answer, bool) {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case a := <-q.answers:
		return a, true
	case <-late.C:
		return Answer{}, false
	case <-ctx.Done():
		return interrupted(ctx), true
	}
}

// lastWordWithin is how much later than its neighbour table the kernel's own
// message may be seen: both come of the same moment, by different ways.
const lastWordWithin = 100 * time.Millisecond

// lastWord prefers an answer that comes while the table is read: the kernel's
// own message has better words.
func lastWord(ctx context.Context, q question, otherwise Answer) Answer {
	if a, ok := q.hears(ctx, lastWordWithin); ok && ctx.Err() == nil {
		return a
	}
	return otherwise
}

func silent(q question, h hop, start time.Time) Answer {
	took := time.Since(start).Round(100 * time.Millisecond)
	switch {
	case h.failed():
		return Answer{Outcome: Unreachable, Text: "nobody answers " + h.who() + ": the packet never left " + q.from}
	case h.pending() && q.settle:
		return Answer{Outcome: Error, permanent: true, Text: "not decided after " + took.String() +
			": the kernel still asks " + h.who() + "; it gives up after 3 s, so allow `within: 4s`"}
	case h.pending():
		return Answer{Outcome: NoReply, Text: "nothing came back within " + took.String() + ": nobody has answered " + h.who()}
	}
	return Answer{Outcome: NoReply, Text: "nothing came back within " + took.String()}
}
