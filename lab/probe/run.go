package probe

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"nslab/lab/op"
)

// Ask puts all questions at once and returns the results in their order;
// silence costs its deadline once, however many are silent. watch, which may
// be nil, hears of each result as it comes, one at a time.
//
// What the packets of the others leave behind (neighbour) is asked when these
// are done.
func Ask(ctx context.Context, k *op.Kernel, as []Assertion, watch func(Result)) []Result {
	run := &round{rig: newRig(k), as: as, results: make([]Result, len(as)), watch: watch}
	defer run.rig.close()
	first, last := run.split()
	run.all(ctx, first)
	run.all(ctx, last)
	return run.results
}

// round is one call of Ask.
type round struct {
	rig     *rig
	as      []Assertion
	results []Result
	mu      sync.Mutex
	watch   func(Result)
}

// split separates the questions about what is left behind.
func (run *round) split() (first, last []int) {
	for i, a := range run.as {
		if kinds[a.Check.Kind.Text].last {
			last = append(last, i)
		} else {
			first = append(first, i)
		}
	}
	return first, last
}

// all asks some assertions, pings in waves.
func (run *round) all(ctx context.Context, which []int) {
	var wg sync.WaitGroup
	defer wg.Wait()
	var pings, connections, others, late []int
	for _, i := range which {
		switch {
		case run.isPing(i):
			pings = append(pings, i)
		case run.isConnection(i):
			connections = append(connections, i)
		default:
			others = append(others, i)
		}
	}
	run.patiently(ctx, &wg, others)
	waves, tidy := run.waves(pings)
	if len(waves)+len(connections) == 0 {
		return
	}
	err := run.sweeping(tidy, func(s *sweep) {
		run.patiently(ctx, &wg, s.connect(ctx, connections))
		for _, w := range waves {
			late = append(late, run.wave(ctx, &wg, s, w)...)
		}
		if len(late) > 0 { // an answer may come when its wave is over
			wg.Wait()
			s.forgetLeft(late)
		}
	})
	if err != nil { // there is no thread to sweep from
		run.patiently(ctx, &wg, slices.Concat(connections, pings))
	}
}

// patiently asks each on its own, for as long as its expectation takes.
func (run *round) patiently(ctx context.Context, wg *sync.WaitGroup, which []int) {
	for _, i := range which {
		wg.Go(func() { run.one(ctx, i) })
	}
}

func (run *round) one(ctx context.Context, i int) {
	run.tell(i, run.rig.judge(ctx, run.as[i]))
}

func (run *round) tell(i int, res Result) {
	run.results[i] = res
	if run.watch != nil {
		run.mu.Lock()
		defer run.mu.Unlock()
		run.watch(res)
	}
}

// Pauses between two askings of a question whose answer came at once. One that
// has no time left would only hear silence, and hide the answer before it.
const (
	firstPause = 10 * time.Millisecond
	maxPause   = 250 * time.Millisecond
	lastChance = 100 * time.Millisecond
)

// judge asks until the answer is the expected one or the time is over.
func (r *rig) judge(ctx context.Context, a Assertion) Result {
	start := time.Now()
	full := a.Expect.patience(a.within)
	res := Result{Assertion: a, Expected: a.Expect.String()}
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		res.Tries++
		res.Answer = a.Probe.ask(ctx, r, full.after(time.Since(start)))
		if a.Expect.Met(res.Answer) || !a.again(res.Answer) || time.Since(start)+pause+lastChance > full.budget() {
			break
		}
		if !wait(ctx, pause) {
			break
		}
	}
	res.Took = time.Since(start)
	res.conclude()
	return res
}

// again says whether a wrong answer may become the right one. A reply where
// none should be is final: it will not be unsaid.
func (a Assertion) again(ans Answer) bool {
	final := ans.permanent || kinds[a.Check.Kind.Text].once || a.Expect.negative() && ans.Outcome == Reply
	return !final
}

// budget is how long a question is asked again.
func (p patience) budget() time.Duration {
	if p.errors {
		return p.limit
	}
	return p.listen
}

// after is the patience that is left.
func (p patience) after(spent time.Duration) patience {
	p.limit = max(p.limit-spent, 0)
	if !p.settle {
		p.listen = max(p.listen-spent, 0)
	}
	p.listen = min(p.listen, p.limit)
	return p
}

// wait returns false when ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *Result) conclude() {
	switch {
	case r.Assertion.Expect.Met(r.Answer):
		r.Status = Passed
	case r.Answer.Outcome == Error:
		r.Status = Broken
		r.Message = "could not be asked: " + r.Answer.Text
	default:
		r.Status = Failed
		r.Message = fmt.Sprintf("expected %s, got %s", r.Expected, r.Answer)
	}
}

// String is the answer in words.
func (a Answer) String() string {
	word, ok := map[Outcome]string{Reply: "a reply", NoReply: "no reply"}[a.Outcome]
	if !ok {
		word = string(a.Outcome)
	}
	if a.Text == "" {
		return word
	}
	return word + " (" + a.Text + ")"
}
