package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/topology"
)

func stage(name, title string) lab.Stage {
	return lab.Stage{Step: topology.Step{Name: topology.Word{Text: name}, Title: topology.Text{english: title}}}
}

// TestProgressFits shows a step on screens of many widths.
func TestProgressFits(t *testing.T) {
	t.Parallel()
	s := stage("switch", "A switch for more than two rooms")
	p := &progress{lang: english, n: 4, plan: &lab.Plan{Stages: make([]lab.Stage, 11)}}
	const tail = "25 created, 5 deleted  25.9ms"
	for _, tt := range []struct {
		columns int
		want    string
	}{
		{88, " 4/11 switch           A switch for more than two rooms   " + tail},
		{80, " 4/11 switch           A switch for more than tw…  " + tail},
		{60, " 4/11 switch           A switch for more than two rooms\n      " + tail},
		{40, " 4/11 switch           A switch for mor…\n      " + tail},
		{20, " 4/11 switch\n      " + tail},
	} {
		got := p.line(&s, tail, tt.columns)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("on %d columns (-want +got):\n%s", tt.columns, diff)
		}
		for line := range strings.SplitSeq(got, "\n") {
			if w := text.StringWidth(line); tt.columns >= 40 && w > tt.columns {
				t.Errorf("on %d columns: %d: %q", tt.columns, w, line)
			}
		}
	}
}

// TestEnterInterrupted presses Ctrl-C instead of Enter.
func TestEnterInterrupted(t *testing.T) {
	t.Parallel()
	silent, typist := io.Pipe()
	defer typist.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	c := cli.NewContext(cli.NewApp(), flag.NewFlagSet("walk", flag.ContinueOnError), nil)
	c.Context = ctx
	w := &walker{s: streams{err: io.Discard}, c: c, in: bufio.NewReader(silent), lang: english}
	interrupt()
	if err := w.enter(doIt); !errors.Is(err, context.Canceled) {
		t.Errorf("Ctrl-C at the prompt: %v, want %v", err, context.Canceled)
	}
}

// TestBoard tells of two files at a time.
func TestBoard(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &lab.Plan{
		Topology: &topology.Topology{Name: topology.Word{Text: "two"}},
		Stages:   []lab.Stage{stage("rooms", "Nothing but rooms"), stage("cable", "A cable")},
	}
	b := &board{out: &out, lang: english, files: 2, at: map[string]string{}}
	b.step("a.yaml", p, 0)
	b.step("b.yaml", p, 1)
	got := []string{b.line(0)}
	b.done("a.yaml")
	got = append(got, b.line(1200_000_000))
	want := []string{
		"  0.0s  0 of 2 files  two: step 1 of 2, Nothing but rooms  two: step 2 of 2, A cable",
		"  1.2s  1 of 2 files  two: step 2 of 2, A cable",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var nobody *board
	nobody.step("a.yaml", p, 0)
	nobody.done("a.yaml")
	nobody.end()
}
