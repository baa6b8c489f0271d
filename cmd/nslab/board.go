package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/lab/probe"
	"nslab/topology"
)

// board is the one line on stderr that tells, while tests run, where each of
// them is. It is there on a terminal only, and gone before the report. For a
// program, or a file, it is a line whenever something begins or ends.
type board struct {
	out   io.Writer
	how   string // progressAuto, progressPlain, progressJSON
	lang  string
	began time.Time
	files int

	mu    sync.Mutex
	ready int
	names []string          // of the files under test, in the order they began
	at    map[string]string // and the step each is at
	stop  chan struct{}
	ended sync.WaitGroup
}

// tick is how often the time that has passed is shown.
const tick = 200 * time.Millisecond

// newBoard returns nil, which shows nothing, where there is nobody to look.
func newBoard(s streams, c *cli.Context, files int) *board {
	how := c.String("progress")
	if how == progressAuto && !screen(s.err) || how != progressJSON && c.Bool("quiet") {
		return nil
	}
	b := &board{out: s.err, how: how, lang: language(c), began: time.Now(), files: files, at: map[string]string{}, stop: make(chan struct{})}
	if how == progressAuto {
		b.ended.Go(b.run)
	}
	return b
}

func (b *board) run() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			b.mu.Lock()
			b.draw()
			b.mu.Unlock()
		case <-b.stop:
			return
		}
	}
}

// step says that stage i of a file begins.
func (b *board) step(file string, p *lab.Plan, i int) {
	if b == nil || i >= len(p.Stages) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.at[file]; !known {
		b.names = append(b.names, file)
	}
	b.at[file] = fmt.Sprintf("%s: step %d of %d, %s", p.Name(), i+1, len(p.Stages), stageTitle(&p.Stages[i], b.lang))
	e := stepEvent(p, i)
	e.File = file
	b.tell(e, b.at[file])
}

// tell shows that something has begun or ended. b.mu is held.
func (b *board) tell(e event, words string) {
	switch b.how {
	case progressJSON:
		_ = json.NewEncoder(topology.PrintableJSON(b.out)).Encode(e) // who reads it may have left
	case progressPlain:
		fmt.Fprintln(b.out, words)
	default:
		b.draw()
	}
}

// done says that a file has been tested.
func (b *board) done(file string) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready++
	delete(b.at, file)
	b.names = slices.DeleteFunc(b.names, func(n string) bool { return n == file })
	took := time.Since(b.began)
	b.tell(event{Event: "tested", File: file, Number: b.ready, Of: b.files, Seconds: took.Seconds()},
		fmt.Sprintf("%s: tested, %d of %d files after %s", topology.Printable(file), b.ready, b.files, round(took)))
}

func (b *board) draw() {
	fmt.Fprintf(b.out, "\r\x1b[K%s", text.Trim(b.line(time.Since(b.began)), width(b.out)-1))
}

func (b *board) line(took time.Duration) string {
	parts := []string{fmt.Sprintf("%5.1fs", took.Seconds())}
	if b.files > 1 {
		parts = append(parts, fmt.Sprintf("%d of %d files", b.ready, b.files))
	}
	for _, n := range b.names {
		parts = append(parts, b.at[n])
	}
	return strings.Join(parts, "  ")
}

// end wipes the line.
func (b *board) end() {
	if b == nil || b.how != progressAuto {
		return
	}
	close(b.stop)
	b.ended.Wait()
	fmt.Fprint(b.out, "\r\x1b[K")
}

// beginning is an observer that writes the number of every stage that begins.
type beginning struct {
	to   io.Writer
	plan *lab.Plan
}

func (b beginning) Stage(s *lab.Stage, _ lab.Change) {
	_, _ = b.to.Write([]byte{byte(b.plan.Index(s.Name.Text))}) // nobody may be looking
}
func (beginning) Fact(lab.Event)       {}
func (beginning) Check(probe.Result)   {}
func (beginning) Done(lab.StageReport) {}

// listen calls begins for every byte that comes, until it is stopped. It does
// not wait for the end of news: whatever the test has started may hold that up.
func listen(news *os.File, begins func(int)) (stop func()) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		b := make([]byte, 1)
		for {
			if n, err := news.Read(b); n == 0 || err != nil {
				return
			}
			begins(int(b[0]))
		}
	}()
	return func() {
		_ = news.Close() // which ends the read
		<-over
	}
}
