package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/lab/sandbox"
	"nslab/topology"
)

func destroyCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:      "destroy",
		Aliases:   []string{"down"},
		Usage:     "take a lab down; succeeds when nothing is left",
		ArgsUsage: "FILE|LAB",
		Description: `Removes everything that apply has made, whatever has become of the file since,
and nothing else. Destroying twice, or what was never there, is fine.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "every lab of this user on this machine"},
			&cli.BoolFlag{Name: "force", Usage: "end the programs that somebody runs in the lab's namespaces"},
			proveFlag("show that this machine is as it was before apply --prove; exit status 4 when not"),
			outputFlag("text", "json"),
		},
		Action: func(c *cli.Context) error {
			names, err := targets(s, c)
			if err != nil {
				return err
			}
			var errs []error
			for _, n := range names {
				errs = append(errs, destroyProved(s, c, n))
			}
			return errors.Join(errs...)
		},
	}
}

func targets(s streams, c *cli.Context) ([]string, error) {
	if c.Bool("all") {
		if err := arguments(c, 0, 0, "no argument beside --all"); err != nil {
			return nil, err
		}
		return allLabs()
	}
	if err := arguments(c, 0, 1, "a FILE or a LAB"); err != nil {
		return nil, err
	}
	name, err := nameOf(s, c.Args().First())
	if errors.Is(err, errNoLab) {
		err = nil
	}
	return []string{name}, err
}

func destroy(s streams, c *cli.Context, name string) error {
	if here(name) {
		return destroyHere(s, c, name)
	}
	b, err := sandbox.Find(name)
	if errors.Is(err, fs.ErrNotExist) {
		return destroyNothing(s, c, name)
	}
	if err != nil {
		return err
	}
	if err := b.Kill(); err != nil {
		return &codeError{exitBuild, fmt.Errorf("sandbox %s: %w", name, err)}
	}
	fmt.Fprintf(s.out, "lab %s deleted, with its sandbox\n", name)
	return nil
}

// destroyNothing is for a lab that nobody knows. An apply that was killed before
// its journal was begun has made nothing but directories and a lock.
func destroyNothing(s streams, c *cli.Context, name string) error {
	if lab.Begun(lab.StateDir, name) {
		return destroyHere(s, c, name)
	}
	fmt.Fprintf(s.out, "there is no lab %s here: nothing to destroy\n", name)
	if others, err := allLabs(); err == nil && len(others) > 0 {
		note(s, c, "the labs here are %s", join(others))
	}
	for _, h := range ofOthers() {
		note(s, c, "  hint: %s", h)
	}
	if !sandbox.Rooted() {
		return nil
	}
	return lab.Tidy(lab.StateDir)
}

// destroyHere removes a lab from the host this process runs on.
func destroyHere(s streams, c *cli.Context, name string) error {
	if _, inside := sandbox.Inside(); !inside {
		if err := needRoot("destroying " + name); err != nil {
			return err
		}
	}
	return withLab(c.Context, name, func(l *lab.Lab) error { return takeDown(s, c, l) })
}

func takeDown(s streams, c *cli.Context, l *lab.Lab) error {
	if err := leave(c, l); err != nil {
		return err
	}
	n, rooms, verbose := 0, l.Rooms(), c.Bool("verbose")
	err := l.Destroy(func(e lab.Event) {
		if e.Err == nil {
			n++
		}
		if verbose {
			fmt.Fprintf(s.out, "%-10s %s\n", e.Verb, topology.Printable(e.Step.Op.String()))
		}
	})
	if err != nil {
		left := fmt.Errorf("%w\nleft in place: %d facts of %s; nslab destroy %[3]s tries again", err, len(l.Journal.Have), l.Name)
		return &codeError{exitBuild, left}
	}
	fmt.Fprintf(s.out, "lab %s deleted: %d facts\n", l.Name, n)
	for _, h := range rooms.Holders() {
		note(s, c, "note: %s: the kernel frees it when that is closed", h)
	}
	if n == 0 { // it knew of nothing; was its journal emptied?
		return lost(l.Name)
	}
	return nil
}

// leave refuses to take a namespace from under the programs that somebody runs
// in it: they would keep it, without a name, and nobody would find it again.
func leave(c *cli.Context, l *lab.Lab) error {
	if c.Bool("force") {
		return endAll(l)
	}
	inside, err := l.Occupants()
	if err != nil || len(inside) == 0 {
		return err
	}
	var errs []error
	for _, o := range inside {
		errs = append(errs, fmt.Errorf("%s: the kernel would keep %s, without a name, until it ends", o, o.NS))
	}
	return hint(&codeError{exitCannot, errors.Join(errs...)}, "leave it, or end it with: nslab destroy --force "+l.Name)
}

// endAll ends who is inside, and what those have started meanwhile.
func endAll(l *lab.Lab) error {
	const rounds = 10
	for range rounds {
		inside, err := l.Occupants()
		if err != nil || len(inside) == 0 {
			return err
		}
		var errs []error
		for _, o := range inside {
			errs = append(errs, o.End())
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return fmt.Errorf("programs in the namespaces of %s start others as fast as they are ended", l.Name)
}

// lost says that something carries the marks of a lab that knows nothing of it.
func lost(name string) error {
	left, err := lab.Orphans(lab.StateDir)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(left, func(o lab.Orphan) bool { return o.Lab == name }) {
		return nil
	}
	return hint(&codeError{exitBuild, fmt.Errorf("the journal of %s was empty, but something here carries its marks", name)}, "nslab gc lists it and removes it")
}
