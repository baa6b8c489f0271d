package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"nslab/lab/op"
)

// commandWithin is how long a command may run when the file does not say.
const commandWithin = 10 * time.Second

// maxOutput is as much of a command's output as is compared.
const maxOutput = 1 << 20

// command runs a program in a namespace, as `ip netns exec` would.
type command struct {
	in   string
	argv string // a JSON list, so that probes stay comparable
}

func readCommand(r *reader) []Probe {
	in := r.place("in")
	var argv []string
	for _, w := range r.Words("argv") {
		argv = append(argv, w.Text)
	}
	if len(argv) == 0 || argv[0] == "" {
		r.Complain(r.check.Pos, `argv: want the words of a command: argv: [cat, /etc/hosts]`)
	}
	b, _ := json.Marshal(argv) // strings always marshal
	return []Probe{command{in, string(b)}}
}

// succeeds adds the status that a command has unless another is expected.
func (e Expect) succeeds() Expect {
	if !slices.ContainsFunc(e.Fields, func(f Field) bool { return f.Key == "status" }) {
		e.Fields = append(e.Fields, Field{"status", "0"})
	}
	return e
}

func (p command) words() (words []string) {
	_ = json.Unmarshal([]byte(p.argv), &words) // written by readCommand
	return words
}

func (p command) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

var errCommands = errors.New("a lab file may only run commands with --allow-commands")

func (p command) ask(ctx context.Context, r *rig, pat patience) Answer {
	words := p.words()
	if !r.k.AllowCommands {
		return broken(fmt.Errorf("%s: %w", op.Command(words), errCommands))
	}
	release, err := r.slot(ctx)
	if err != nil {
		return broken(err)
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, pat.limit)
	defer cancel()
	var stdout, stderr bounded
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, time.Second
	start := time.Now()
	if err := r.inside(p.in, cmd.Start); err != nil {
		return broken(err)
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return Answer{Outcome: NoReply, Text: fmt.Sprintf("%s still ran after %v", op.Command(words), pat.limit)}
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return broken(err)
	}
	return ended(cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(start))
}

func ended(status int, stdout, stderr string, took time.Duration) Answer {
	a := Answer{Outcome: Ran, RTT: took, Data: map[string]string{"status": strconv.Itoa(status), "stdout": stdout}}
	a.Text = fmt.Sprintf("status %d, output %s", status, excerpt(stdout))
	if status != 0 && strings.TrimSpace(stderr) != "" {
		a.Text += ", error " + excerpt(stderr)
	}
	return a
}

// bounded is a buffer that forgets what is too much.
type bounded struct{ b bytes.Buffer }

func (o *bounded) Write(p []byte) (int, error) {
	o.b.Write(p[:min(len(p), maxOutput-o.b.Len())])
	return len(p), nil
}

func (o *bounded) String() string { return o.b.String() }

func (p command) Command() op.Command { return inside(p.in, p.words()...) }

func (p command) String() string { return fmt.Sprintf("%s: %s", p.in, op.Command(p.words())) }

func (p command) Nodes() []string { return []string{p.in} }
