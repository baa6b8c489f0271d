// Command bench measures nslab against the price of the kernel itself and
// against other ways to the same network, side by side: `make bench`.
//
// Every measurement runs in a private box (namespaces of its own with an empty
// /run), when the machine is idle and the kernel has cleaned up after the one
// before. Contestants take turns, A B C then C B A, and what is compared are
// the ratios within a round: see docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == boxed {
		os.Exit(box(os.Stdin, os.Stdout, os.Stderr))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options of the command line.
type options struct {
	nslab, floor string
	installed    []string // both, where they may be written anew
	quick        bool
	rounds, runs int
	patience     time.Duration
	only         *regexp.Regexp
	page, plot   string
}

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	o, err := readOptions(args, errOut)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "nslab-bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := o.install(dir); err != nil {
		return err
	}
	cases, err := prepare(ctx, o, dir)
	if err != nil {
		return err
	}
	b := newBar(errOut, cases, o)
	res, text, err := measured(ctx, o, cases, dir, b)
	b.end()
	if err := errors.Join(err, ctx.Err()); err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}
	fmt.Fprint(out, text)
	if o.page == "" {
		return nil
	}
	return errors.Join(paste(o.page, text), os.WriteFile(o.plot, res.plot(), 0o644))
}

// measured returns the results of all runs, and all tables.
func measured(ctx context.Context, o options, cases []testcase, dir string, b *bar) (*results, string, error) {
	all := newResults(cases)
	var ratios, begins, calls []goal
	missing := ""
	for run := range o.runs {
		b.run = run + 1
		res := measureAll(ctx, cases, o.rounds, b)
		all.add(res)
		ratios = together(ratios, res.goals())
		if o.only.MatchString(start) {
			ms, err := measureStarts(ctx, o, dir, b)
			if err != nil {
				return nil, "", err
			}
			begins = together(begins, startGoals(ms, o.rounds))
		}
		if o.only.MatchString(plugin) {
			now, why, err := measurePlugin(ctx, o, dir, b)
			if err != nil {
				return nil, "", err
			}
			calls, missing = together(calls, now), why
		}
	}
	text := all.text(o) + listText("Starts", begins) + pluginText(calls, missing)
	return all, text + goalText(slices.Concat(ratios, begins, calls)), nil
}

// many says how much was measured.
func (o options) many() string {
	if o.runs == 1 {
		return fmt.Sprintf("%d rounds", o.rounds)
	}
	return fmt.Sprintf("%d runs of %d rounds", o.runs, o.rounds)
}

func readOptions(args []string, errOut io.Writer) (options, error) {
	o := options{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.StringVar(&o.nslab, "nslab", "./nslab", "the `program` to measure")
	f.StringVar(&o.floor, "floor", ".tools/floor", "the floor, see lab/bench/floor")
	f.BoolVar(&o.quick, "quick", false, "small networks, few rounds")
	f.IntVar(&o.rounds, "rounds", 0, "rounds; 7, or 3 with -quick")
	f.IntVar(&o.runs, "runs", 1, "measure everything so `often`, and say in how many runs each limit was kept")
	f.DurationVar(&o.patience, "patience", 5*time.Second, "wait so long for the machine to be idle")
	only := f.String("only", "", "only what matches the `pattern`: ^star-100$, start, cni")
	f.StringVar(&o.page, "page", "", "write the tables into this `file` and the plot beside it")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, err
	}
	if o.rounds == 0 {
		o.rounds = map[bool]int{false: 7, true: 3}[o.quick]
	}
	if o.rounds < 1 || o.runs < 1 {
		return o, fmt.Errorf("%d rounds in %d runs: want one at least", o.rounds, o.runs)
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("what is %q? all arguments are flags", f.Arg(0))
	}
	for _, p := range []*string{&o.nslab, &o.floor} {
		abs, err := filepath.Abs(*p)
		if err != nil {
			return o, err
		}
		if _, err := os.Stat(abs); err != nil {
			return o, fmt.Errorf("%w; make bench builds it", err)
		}
		*p = abs
	}
	if o.page != "" {
		o.plot = o.page[:len(o.page)-len(filepath.Ext(o.page))] + ".svg"
	}
	return o, nil
}
