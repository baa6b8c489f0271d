package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"
)

// bar shows on a terminal how far the measurements are, and when they will be
// done; elsewhere a line for every network.
type bar struct {
	out      io.Writer
	w        progress.Writer // nil where there is no terminal
	t        *progress.Tracker
	begun    bool
	network  string
	run      int // of the runs that are wanted
	runs     int
	finished chan struct{}
}

func newBar(out io.Writer, cases []testcase, o options) *bar {
	b := &bar{out: out, runs: o.runs, finished: make(chan struct{})}
	total := 2 * o.rounds // of starts, and of calls as a plugin
	for _, c := range cases {
		total += o.rounds * len(c.who)
	}
	total *= o.runs
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return b
	}
	b.w, b.t = progress.NewWriter(), &progress.Tracker{Total: int64(total)}
	b.w.SetOutputWriter(out)
	b.w.SetUpdateFrequency(200 * time.Millisecond)
	b.w.SetMessageLength(len("run 5: ports-1000 sandbox round 7"))
	b.w.Style().Visibility.ETA = true
	b.w.AppendTracker(b.t)
	go func() {
		defer close(b.finished)
		b.w.Render()
	}()
	return b
}

// next says that a measurement begins.
func (b *bar) next(network, who string, round int) {
	if b.w == nil {
		if network != b.network {
			fmt.Fprintln(b.out, "measuring", b.which()+network)
			b.network = network
		}
		return
	}
	if b.begun {
		b.t.Increment(1)
	}
	b.begun = true
	b.t.UpdateMessage(fmt.Sprintf("%s%s %s round %d", b.which(), network, who, round))
}

// which names the run where there are several.
func (b *bar) which() string {
	if b.runs < 2 {
		return ""
	}
	return fmt.Sprintf("run %d: ", b.run)
}

func (b *bar) end() {
	if b.w == nil {
		return
	}
	b.t.MarkAsDone()
	b.w.Stop()
	<-b.finished
}
