package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/lab/sandbox"
	"nslab/topology"
)

// withLab opens the lab called name on this host for f, and closes it again.
// Close is where a lab of which nothing is left is forgotten, so what it says counts.
func withLab(ctx context.Context, name string, f func(*lab.Lab) error) error {
	l, err := lab.OpenContext(ctx, lab.StateDir, name)
	if err != nil {
		if ctx.Err() != nil { // nobody waits for the lock any more
			return ctx.Err()
		}
		return err
	}
	return both(f(l), l.Close())
}

// both joins two errors, and leaves a single one as it is.
func both(err, other error) error {
	switch {
	case other == nil:
		return err
	case err == nil:
		return other
	}
	return errors.Join(err, other)
}

// notElsewhere refuses a lab whose name another lab has on the other kind of
// host: every command would reach one of the two only.
func notElsewhere(p *lab.Plan) error {
	if _, inside := sandbox.Inside(); inside {
		return nil
	}
	where := "on this machine"
	if p.Machine {
		if _, err := sandbox.Find(p.Name()); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		where = "in a sandbox"
	} else if !lab.Exists(lab.StateDir, p.Name()) {
		return nil
	}
	return hint(usage("lab %s is up already, %s", p.Name(), where),
		"nslab destroy "+p.Name()+" takes that one down",
		"or apply it there again: --host "+map[bool]string{true: topology.Sandbox, false: topology.Machine}[p.Machine])
}

// sameFile refuses to rebuild a lab from another file than it stands from,
// only because two files happen to give the same name.
func sameFile(l *lab.Lab, src, old *lab.Source) error {
	if old != nil && old.Path != src.Path && len(l.Journal.Have) > 0 {
		return hint(usage("lab %s is up already, from %s", l.Name, old.Path),
			"nslab destroy "+l.Name+" takes that one down", "or give this lab another name, in the line `name:` of "+src.Path)
	}
	return nil
}

// keep stores what the lab is built from, which may not be another file than before.
func keep(l *lab.Lab, src, old *lab.Source) error {
	if err := sameFile(l, src, old); err != nil {
		return err
	}
	return l.Keep(src)
}

// preflight asks whether this machine can have the lab.
func preflight(p *lab.Plan, l *lab.Lab) error {
	if !p.Machine {
		return nil
	}
	if err := lab.Preflight(p, l.Journal.Have); err != nil {
		return &codeError{exitCannot, err}
	}
	return nil
}

// standing is the step a lab stands at, in words, and whether there is
// anything of it. A lab that was killed before its first step is half of that.
func standing(l *lab.Lab, p *lab.Plan) (at string, stands bool) {
	at = l.Journal.At
	if l.Journal.Open {
		if at == "" {
			at = p.Stages[0].Name.Text
		}
		at += " (half done)"
	}
	return at, at != "" || len(l.Journal.Have) > 0
}

// noteStanding says where a lab stands and what can be done next.
func noteStanding(s streams, c *cli.Context, name, at, why string) {
	if at == "" {
		note(s, c, "nothing of %s stands", name)
		return
	}
	note(s, c, "%s stands at step %s%s. Look around: nslab shell; take it away: nslab destroy %[1]s", name, at, why)
}

// interrupted is what Ctrl-C leaves: half a lab that can be finished or removed.
func interrupted(l *lab.Lab) error {
	return interruptedLab(l.Name, len(l.Journal.Have) > 0 || l.Journal.Open)
}

func interruptedLab(name string, stands bool) error {
	err := &codeError{exitInterrupted, errors.New("interrupted")}
	if !stands {
		return err
	}
	return hint(err, "nslab apply goes on from here", "nslab destroy "+name+" takes it away")
}
