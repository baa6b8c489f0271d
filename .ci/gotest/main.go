// Command gotest reads the output of `go test -json`, prints what `go test`
// prints, and fails where a test failed or was skipped for a reason that is not
// in the file of allowed reasons:
//
//	go test -json ./... | go run ./.ci/gotest .ci/allowed-skips
//
// A test that silently skips itself proves nothing and looks green.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// event is a line of `go test -json`, see `go doc test2json`.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

type reader struct {
	allowed []*regexp.Regexp
	said    map[string]string // what a test has printed so far
	told    map[string]bool   // packages that have printed their ok line
	open    map[string]bool   // packages that have not ended yet
	done    int               // packages that have
	tests   int
	bad     []string
	skipped []string
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("want one argument: the file of allowed reasons to skip")
	}
	allowed, err := reasons(args[0])
	if err != nil {
		return err
	}
	r := &reader{allowed: allowed, said: map[string]string{}, told: map[string]bool{}, open: map[string]bool{}}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		r.line(line, out)
		if errors.Is(err, io.EOF) {
			return r.verdict(out)
		}
		if err != nil {
			return err
		}
	}
}

// reasons reads one regular expression a line; # begins a comment.
func reasons(path string) ([]*regexp.Regexp, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []*regexp.Regexp
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		re, err := regexp.Compile(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, re)
	}
	return out, nil
}

func (r *reader) line(line string, out io.Writer) {
	var e event
	if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
		fmt.Fprint(out, line) // make, or the compiler
		return
	}
	name := e.Package + " " + e.Test
	switch e.Action {
	case "start":
		r.open[e.Package] = true
	case "output", "build-output":
		if e.Test == "" {
			r.told[e.Package] = r.told[e.Package] || strings.Contains(e.Output, "\t"+e.Package+"\t")
			fmt.Fprint(out, summary(e.Output))
			return
		}
		r.said[name] += e.Output
	case "skip":
		r.skip(e, name)
	case "fail":
		r.bad = append(r.bad, strings.TrimSpace(name))
		fmt.Fprint(out, r.said[name])
		delete(r.said, name)
	}
	if e.Test == "" && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip") {
		r.done++
		delete(r.open, e.Package)
		r.unfinished(e, out)
		r.tell(e, out)
	}
	if e.Test != "" && e.Action == "pass" {
		r.tests++
		delete(r.said, name)
	}
}

// unfinished prints what the tests of a package said that never came to an
// end: the stacks of a panic or of a test that hung are there.
func (r *reader) unfinished(e event, out io.Writer) {
	for name, said := range r.said {
		if e.Action == "fail" && strings.HasPrefix(name, e.Package+" ") {
			fmt.Fprint(out, said)
		}
		if strings.HasPrefix(name, e.Package+" ") {
			delete(r.said, name)
		}
	}
}

// tell prints the line about a package that only `go test` itself would print.
func (r *reader) tell(e event, out io.Writer) {
	if word := map[string]string{"pass": "ok  ", "fail": "FAIL"}[e.Action]; word != "" && !r.told[e.Package] {
		fmt.Fprintf(out, "%s\t%s\t%.3fs\n", word, e.Package, e.Elapsed)
	}
}

// summary leaves the single PASS out that `go test` without -v does not print.
func summary(s string) string {
	if s == "PASS\n" {
		return ""
	}
	return s
}

func (r *reader) skip(e event, name string) {
	if e.Test == "" { // a package without tests
		return
	}
	why := strings.TrimSpace(r.said[name])
	ok := slices.ContainsFunc(r.allowed, func(re *regexp.Regexp) bool { return re.MatchString(why) })
	if !ok {
		r.bad = append(r.bad, name+" was skipped:\n"+why)
		return
	}
	r.skipped = append(r.skipped, name)
}

func (r *reader) verdict(out io.Writer) error {
	for p := range r.open {
		r.bad = append(r.bad, p+" did not come to an end")
		r.unfinished(event{Action: "fail", Package: p}, out)
	}
	if r.done == 0 && len(r.bad) == 0 {
		return errors.New("no package was tested")
	}
	fmt.Fprintf(out, "%d tests passed, %d skipped for an allowed reason\n", r.tests, len(r.skipped))
	if len(r.bad) > 0 {
		return fmt.Errorf("failures or unexpected skips: %d:\n%s", len(r.bad), strings.Join(r.bad, "\n"))
	}
	return nil
}
