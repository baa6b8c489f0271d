package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"nslab/lab/bench/shape"
	"nslab/lab/netns"
)

// networks to be measured, and those of a quick run.
var (
	networks = []string{"star-2", "star-10", "star-30", "star-100", "star-1000", "line-200", "tree-8", "ports-1000"}
	quickly  = []string{"star-2", "star-10", "star-100", "line-20", "tree-4", "ports-100"}
)

// testcase is a network and what each contestant does for it.
type testcase struct {
	kit
	steps map[string][]step // by contestant
	who   []string
}

// prepare writes all files, so that nobody waits for them later.
func prepare(ctx context.Context, o options, dir string) (out []testcase, err error) {
	names := networks
	if o.quick {
		names = quickly
	}
	for _, name := range names {
		if !o.only.MatchString(name) {
			continue
		}
		c, err := o.testcase(ctx, name, dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, c)
	}
	return out, nil
}

func (o options) testcase(ctx context.Context, name, dir string) (c testcase, err error) {
	c = testcase{kit: kit{options: o, dir: dir}, steps: map[string][]step{}}
	c.kind, c.n, _ = strings.Cut(name, "-")
	if c.size, err = strconv.Atoi(c.n); err != nil {
		return c, err
	}
	if c.Shape, err = shape.New(c.kind, c.size); err != nil {
		return c, err
	}
	file := c.write("yaml", []string{c.YAML("machine")})
	if c.up, err = commands(ctx, o.nslab, file); err != nil {
		return c, err
	}
	if c.down, err = commands(ctx, o.nslab, "--teardown", file); err != nil {
		return c, err
	}
	for _, who := range contestants {
		if steps := who.steps(c.kit); steps != nil {
			c.steps[who.name] = steps
			c.who = append(c.who, who.name)
		}
	}
	return c, nil
}

// round is what a contestant's phases have cost in one round.
type round map[string]measure

// results of everything.
type results struct {
	cases  []testcase
	rounds map[[2]string][]round // by network and contestant; one that failed is empty
	failed map[[2]string][]error
	busy   int // measurements that began on a busy machine
	all    int
}

func newResults(cases []testcase) *results {
	return &results{cases: cases, rounds: map[[2]string][]round{}, failed: map[[2]string][]error{}}
}

// add puts the rounds of another run to those that are there.
func (res *results) add(other *results) {
	for key, rounds := range other.rounds {
		res.rounds[key] = append(res.rounds[key], rounds...)
	}
	for key, errs := range other.failed {
		res.failed[key] = append(res.failed[key], errs...)
	}
	res.busy += other.busy
	res.all += other.all
}

// tries is how often a contestant may fail before it is asked no more.
const tries = 2

// measureAll lets the contestants take turns.
func measureAll(ctx context.Context, cases []testcase, rounds int, b *bar) *results {
	res := newResults(cases)
	for _, c := range cases {
		for r := range rounds {
			order := slices.Clone(c.who)
			if r%2 == 1 {
				slices.Reverse(order)
			}
			for _, who := range order {
				b.next(c.Name, who, r+1)
				if ctx.Err() == nil {
					res.measure(ctx, c, who)
				}
			}
		}
	}
	return res
}

func (res *results) measure(ctx context.Context, c testcase, who string) {
	key := [2]string{c.Name, who}
	if len(res.failed[key]) >= tries {
		return
	}
	res.all++
	if err := c.lay(); err != nil {
		res.failed[key] = append(res.failed[key], err)
		return
	}
	if !quiet(c.patience) {
		res.busy++
	}
	ms, err := inBox(ctx, c.steps[who])
	if err != nil {
		res.failed[key] = append(res.failed[key], err)
	}
	r := round{}
	for _, m := range ms {
		r[m.Phase] = m
	}
	res.rounds[key] = append(res.rounds[key], r)
}

// inBox runs steps in namespaces of their own.
func inBox(ctx context.Context, steps []step) (ms []measure, err error) {
	in, err := json.Marshal(steps)
	if err != nil {
		return nil, err
	}
	var out, errOut bytes.Buffer
	c := exec.CommandContext(ctx, "/proc/self/exe", boxed)
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(in), &out, &errOut
	c.SysProcAttr = netns.Machine(os.Geteuid() != 0)
	c.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := c.Run(); err != nil {
		return nil, errors.Join(err, errors.New(strings.TrimSpace(errOut.String())))
	}
	return ms, json.Unmarshal(out.Bytes(), &ms)
}
