package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"nslab/lab"
	"nslab/lab/proof"
	"nslab/lab/sandbox"
	"nslab/topology"
)

// releaseWithin bounds the wait for the kernel to free what a lab has left.
const releaseWithin = 5 * time.Second

// proveFlag is a flag and not the rule: a print takes longer than many a lab.
func proveFlag(usage string) cli.Flag {
	return &cli.BoolFlag{Name: "prove", Usage: usage}
}

// inNewSandbox is inSandbox in one that it starts, after the print when one is
// asked for. What it returns is nil where none could be started.
func inNewSandbox(c *cli.Context, name string, src *lab.Source) (*sandbox.Sandbox, error) {
	if c.Bool("prove") {
		b, err := provedSandbox(c, name)
		if err != nil {
			return nil, err
		}
		return b, inSandbox(b, src)
	}
	cmd, done, err := sameAgain(src)
	if err != nil {
		return nil, err
	}
	defer done()
	b, code, err := sandbox.StartWith(name, cmd)
	if b == nil {
		return nil, err
	}
	return b, ranIn(b, code, err)
}

// provedSandbox starts a sandbox after the print.
func provedSandbox(c *cli.Context, name string) (*sandbox.Sandbox, error) {
	pr, err := sandboxProof(name)
	if err == nil {
		err = pr.take(c.Context)
	}
	if err != nil {
		return nil, err
	}
	b, err := sandbox.Start(name)
	if err != nil {
		return nil, err
	}
	if err := pr.keep(); err != nil {
		return nil, errors.Join(err, pr.drop(), b.Kill())
	}
	return b, nil
}

// endSandbox takes a sandbox away in which no lab came to be.
func endSandbox(b *sandbox.Sandbox) error {
	pr, err := sandboxProof(b.Name)
	if err != nil {
		return err
	}
	return errors.Join(pr.drop(), b.Kill())
}

// printMachine takes the print before a lab on this machine is begun.
func printMachine(c *cli.Context, p *lab.Plan) (*proving, error) {
	if !p.Machine || !c.Bool("prove") || lab.Exists(lab.StateDir, p.Name()) {
		return nil, nil
	}
	pr := machineProof(p.Name())
	return pr, pr.take(c.Context)
}

// destroyed is what `nslab destroy -o json` says of a lab.
type destroyed struct {
	Lab   string  `json:"lab"`
	Proof *proven `json:"proof,omitempty"`
}

// proven is what came of comparing two prints.
type proven struct {
	Equal       bool               `json:"equal"`
	Sections    int                `json:"sections"`
	Lines       int                `json:"lines"`
	Differences []proof.Difference `json:"differences"`
}

// destroyProved destroys a lab and, when asked, proves that the machine is as
// it was before. The print goes first, so that it is nothing that is left.
func destroyProved(s streams, c *cli.Context, name string) error {
	pr, err := proofOf(name)
	if err != nil {
		return err
	}
	known, lerr := pr.load()
	stood := known || stands(name)
	if err := pr.drop(); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	out := s
	if c.String("output") == "json" {
		out.out = s.err
	}
	if err := destroy(out, c, name); err != nil {
		if known {
			err = errors.Join(err, pr.keep()) // for the next try
		}
		return err
	}
	result := destroyed{Lab: name}
	if !c.Bool("prove") || !stood {
		return result.print(s, c)
	}
	if lerr != nil || !known {
		return notProved(name, lerr)
	}
	if result.Proof, err = pr.prove(c.Context); err != nil {
		return err
	}
	if err := result.print(s, c); err != nil || result.Proof.Equal {
		return err
	}
	return &codeError{exitBuild, fmt.Errorf("this machine is not as it was before apply of %s", name)}
}

// stands says whether there is a lab of that name.
func stands(name string) bool {
	_, _, err := find(name)
	return err == nil
}

func notProved(name string, err error) error {
	if err == nil {
		err = errors.New("there is no print of this machine from before it was applied")
	}
	return hint(cannot("%s is destroyed, but nothing is proved: %w", name, err),
		"nslab apply --prove takes one; NSLAB_PROVE=1 in the environment makes it the rule")
}

// prove waits until the machine is as it was, or says what is not.
func (pr *proving) prove(ctx context.Context) (*proven, error) {
	within, cancel := context.WithTimeout(ctx, releaseWithin)
	defer cancel()
	after, diff, err := proof.Await(within, pr.scope, pr.Print)
	if ctx.Err() != nil { // nobody waits for the answer
		err = ctx.Err()
	}
	return &proven{len(diff) == 0, len(after), after.Lines(), append([]proof.Difference{}, diff...)}, err
}

func (d destroyed) print(s streams, c *cli.Context) error {
	switch {
	case c.String("output") == "json":
		return printJSON(s.out, d)
	case d.Proof != nil:
		_, err := fmt.Fprint(s.out, d.Proof.words("apply"))
		return err
	}
	return nil
}

// words tell a person; what says since when.
func (p *proven) words(what string) string {
	if p.Equal {
		return fmt.Sprintf("proof: %d sections, %s lines: this machine is as it was before %s\n", p.Sections, thousands(p.Lines), what)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "proof: this machine is not as it was before %s; who made the difference this list cannot tell:\n", what)
	for _, d := range p.Differences {
		for _, line := range d.Changes() {
			fmt.Fprintf(&b, "  %s: %s\n", d.Section, topology.Printable(line))
		}
	}
	return b.String()
}

// thousands writes 1034 as 1,034.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// testProved runs the tests and, when asked, proves that they left nothing. The
// proof goes to stderr: stdout has the report.
func testProved(s streams, c *cli.Context, run func() error) error {
	if !c.Bool("prove") {
		return run()
	}
	root, err := sandbox.Root()
	if err != nil {
		return err
	}
	boxes := testBoxes()
	pr := &proving{scope: proof.Scope{State: []string{root}, Ours: func(n string) bool { return strings.HasPrefix(n, boxes) }}}
	if err := pr.take(c.Context); err != nil {
		return err
	}
	rerr := run()
	p, err := pr.prove(context.WithoutCancel(c.Context))
	if err != nil {
		return errors.Join(rerr, err)
	}
	fmt.Fprint(s.err, p.words("the test"))
	if !p.Equal && exitCode(rerr) < exitBuild {
		return &codeError{exitBuild, rerr}
	}
	return rerr
}

// testBoxes begins the names of the sandboxes of this test.
func testBoxes() string { return fmt.Sprintf("test-%d-", os.Getpid()) }
