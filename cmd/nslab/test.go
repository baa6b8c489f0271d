package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"nslab/lab"
	"nslab/lab/sandbox"
	"nslab/lab/show"
)

func testCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:      "test",
		Usage:     "for CI: build each file in a throwaway sandbox, prove every step, destroy",
		ArgsUsage: "FILE...",
		Description: `Every file gets a sandbox of its own, several at a time. A check that fails does
not end the test: all steps are built and asked. Exit status 1 when a check
failed, 4 when a lab could not be built, 2 when there was nothing to check.`,
		Flags: []cli.Flag{
			outputFlag("text", "json", "junit", "tap", "github"),
			&cli.StringSliceFlag{Name: "report", Usage: "write a report as well: `FORMAT=PATH`, may be given again"},
			&cli.StringFlag{Name: "to", Usage: "stop after `STEP`"},
			proveFlag("show that this machine is as it was before the test; exit status 4 when not"),
			commandsFlag, progressFlag(),
		},
		Action: func(c *cli.Context) error {
			if _, inside := sandbox.Inside(); inside && os.Getenv(sourceFD) != "" {
				return testInside(s, c)
			}
			return testProved(s, c, func() error { return test(s, c) })
		},
	}
}

func test(s streams, c *cli.Context) error {
	names, err := fileArguments(s, c, true)
	if err != nil {
		return err
	}
	reports, err := reportFlags(c)
	if err != nil {
		return err
	}
	files := testAll(s, c, names)
	for _, f := range files {
		warn(s, c, f.Warnings)
	}
	errs := []error{writeTest(s.out, c.String("output"), files, style(s, c))}
	for _, r := range reports {
		errs = append(errs, r.write(files))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return verdict(c, files)
}

// parallel is how many labs are tested at a time: most of a test is waiting
// for silence, so more than there are processors.
func parallel() int { return 4 * runtime.NumCPU() }

func testAll(s streams, c *cli.Context, names []string) []show.File {
	files := make([]show.File, len(names))
	slots := make(chan struct{}, parallel())
	b := newBoard(s, c, len(names))
	defer b.end()
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			began := time.Now()
			files[i] = testFile(s, c, name, testBoxes()+strconv.Itoa(i), b)
			b.done(name)
			files[i].Path, files[i].Began, files[i].Took = name, began, time.Since(began)
		})
	}
	all.Wait()
	return files
}

// testFile tests one file in a sandbox called box.
func testFile(s streams, c *cli.Context, name, box string, on *board) show.File {
	src, t, err := load(s, name)
	if err != nil {
		return show.File{Err: err}
	}
	p, err := lab.Compile(t, false)
	if err != nil {
		return show.File{Lab: t.Name.Text, Err: &codeError{exitUsage, err}}
	}
	f := show.File{Lab: p.Name(), Warnings: t.Warnings}
	if to := c.String("to"); to != "" && p.Index(to) < 0 {
		f.Err = noStep(p, to)
		return f
	}
	if f.Err = checkLanguage(c, p); f.Err != nil {
		return f
	}
	if f.Err = lab.Needs(p); f.Err != nil {
		return f
	}
	f.Report, f.Err = testIn(box, src, p, func(i int) { on.step(name, p, i) })
	if errors.Is(f.Err, context.Canceled) {
		f.Err = interruptedLab(p.Name(), false)
	}
	return f
}

// Where a test inside a sandbox writes what came of it, and a byte for every
// stage that begins.
const (
	reportFD = 4
	beginsFD = 5
)

// testIn runs this command again inside a sandbox called box and reads its report.
// Meanwhile begins is told the number of every stage that begins.
func testIn(box string, src *lab.Source, p *lab.Plan, begins func(int)) (r *lab.Report, err error) {
	source, err := memoryFile(src)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	report, err := memoryFile(nil)
	if err != nil {
		return nil, err
	}
	defer report.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	news, tell, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	stop := listen(news, begins)
	defer stop()
	b, code, err := sandbox.StartThrowawayWith(box, sandbox.Command{
		Argv:  append([]string{"/proc/self/exe"}, os.Args[1:]...),
		Env:   append(os.Environ(), sourceFD+"=3"),
		Files: []*os.File{null, os.Stderr, os.Stderr, source, report, tell},
	})
	stop()
	if b != nil {
		defer func() { err = both(err, b.Kill()) }()
	}
	if err := both(err, tell.Close()); err != nil {
		return nil, err
	}
	r, err = readReport(report, p)
	if err == nil && r == nil && code != exitOK {
		return nil, &codeError{code, fmt.Errorf("the test ended without a report (exit status %d)", code)}
	}
	return r, err
}

// testInside is the other side of testIn.
func testInside(s streams, c *cli.Context) error {
	_, t, err := load(s, "")
	if err != nil {
		return err
	}
	p, err := lab.Compile(t, false)
	if err != nil {
		return err
	}
	return withLab(c.Context, p.Name(), func(l *lab.Lab) error {
		l.Kernel.AllowCommands = c.Bool("allow-commands")
		for _, fd := range []int{reportFD, beginsFD} {
			unix.CloseOnExec(fd) // a service of the lab would keep them open
		}
		o := lab.Options{To: c.String("to"), KeepGoing: true, Observer: beginning{os.NewFile(beginsFD, "begins"), p}}
		r, err := l.Apply(c.Context, p, o)
		if errors.Is(err, context.Canceled) {
			err = interruptedLab(p.Name(), false)
		}
		skipUnasked(c.Context, r)
		out := os.NewFile(reportFD, "report")
		if _, serr := out.Seek(0, io.SeekStart); serr != nil {
			return serr
		}
		return writeReport(out, r, err)
	})
}

// verdict is the exit status of a whole test.
func verdict(c *cli.Context, files []show.File) error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	code, asked := exitOK, 0
	for _, f := range files {
		switch {
		case f.Err != nil:
			code = max(code, exitCode(f.Err))
		case f.Report.Failed():
			code = max(code, exitFailed)
		}
		asked += questions(f.Report)
	}
	if code == exitOK && asked == 0 {
		return usage("there was nothing to check: no step has a verify")
	}
	return status(code)
}

func questions(r *lab.Report) int {
	n := 0
	if r != nil {
		for _, s := range r.Stages {
			n += len(s.Results)
		}
	}
	return n
}
