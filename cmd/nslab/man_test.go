package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

var update = flag.Bool("update", false, "write docs/man again")

const (
	manDir  = "../../docs/man"
	manDate = "2026-11-21" // of the last change that a reader would notice
)

// TestManual holds the manual pages equal to --help: both are made of the same
// commands. With -update it writes them.
func TestManual(t *testing.T) {
	t.Parallel()
	pages := manual()
	for name, page := range pages {
		path := filepath.Join(manDir, name)
		if *update {
			write(t, path, page)
		}
		have, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("%v; make docs writes it", err)
			continue
		}
		if diff := cmp.Diff(string(have), string(page)); diff != "" {
			t.Errorf("%s is stale, make docs writes it (-have +want):\n%s", path, diff)
		}
	}
	files, _ := filepath.Glob(manDir + "/*")
	for _, f := range files {
		if pages[filepath.Base(f)] == nil {
			t.Errorf("%s is no page of this nslab: remove it", f)
		}
	}
}

func write(t *testing.T, path string, page []byte) {
	t.Helper()
	if err := os.MkdirAll(manDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, page, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestManualReads has other people's programs read the pages.
func TestManualReads(t *testing.T) {
	t.Parallel()
	readers := [][]string{
		{"mandoc", "-Tlint", "-Wwarning"},
		{"groff", "-man", "-Tutf8", "-ww", "-z"},
	}
	for _, r := range readers {
		t.Run(r[0], func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(r[0]); err != nil {
				t.Skipf("%s is not installed", r[0])
			}
			for name, page := range manual() {
				cmd := exec.CommandContext(t.Context(), r[0], r[1:]...)
				cmd.Stdin = bytes.NewReader(page)
				if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
					t.Errorf("%s %s: %v\n%s", r[0], name, err, out)
				}
			}
		})
	}
}

// manual makes every page: nslab.1 and one for each command.
func manual() map[string][]byte {
	app := newApp(streams{out: io.Discard, err: io.Discard})
	app.Setup()
	pages := map[string][]byte{"nslab.1": mainPage(app)}
	for _, c := range app.Commands {
		if !c.Hidden && c.Name != "help" {
			pages["nslab-"+c.Name+".1"] = commandPage(app, c)
		}
	}
	return pages
}

func mainPage(app *cli.App) []byte {
	var p roff
	p.head("nslab", app.Usage)
	p.section("SYNOPSIS")
	p.line(".B nslab\n[\\fIflags\\fR] \\fIcommand\\fR [\\fIarguments\\fR]")
	p.section("DESCRIPTION")
	p.text(app.Description)
	p.section("COMMANDS")
	for _, c := range app.Commands {
		if !c.Hidden && c.Name != "help" {
			p.item(bold("nslab-"+c.Name)+"(1)", sentence(c.Usage))
		}
	}
	p.section("FLAGS")
	p.line("They may stand before or after the command.")
	p.flags(app.Flags)
	p.section("SEE ALSO")
	p.line(`.BR ip (8),` + "\n" + `.BR ip\-netns (8),` + "\n" + `.BR bridge (8),` + "\n" + `.BR iptables (8),` + "\n" +
		`.BR veth (4),` + "\n" + `.BR network_namespaces (7)`)
	return p.Bytes()
}

func commandPage(app *cli.App, c *cli.Command) []byte {
	var p roff
	p.head("nslab-"+c.Name, c.Usage)
	p.section("SYNOPSIS")
	p.line(fmt.Sprintf(".B nslab %s\n[\\fIflags\\fR] %s", c.Name, escape(c.ArgsUsage)))
	for _, a := range c.Aliases {
		p.line(fmt.Sprintf(".br\n.B nslab %s\n[\\fIflags\\fR] %s", a, escape(c.ArgsUsage)))
	}
	p.section("DESCRIPTION")
	if c.Description == "" {
		p.text(sentence(c.Usage))
	}
	p.text(c.Description)
	if len(c.VisibleFlags()) > 0 {
		p.section("FLAGS")
		p.flags(c.VisibleFlags())
	}
	p.section("GLOBAL FLAGS")
	p.flags(app.Flags)
	p.section("EXIT STATUS")
	p.text(exitHelp)
	p.section("SEE ALSO")
	p.line(".BR nslab (1)")
	return p.Bytes()
}

// roff is a page in the macros of man(7).
type roff struct{ bytes.Buffer }

func (r *roff) line(s string) { r.WriteString(strings.TrimRight(s, " ") + "\n") }

func (r *roff) head(name, what string) {
	r.line(`.\" Written by make docs from the text of --help.`)
	r.line(fmt.Sprintf(".TH %s 1 %s nslab nslab", strings.ToUpper(escape(name)), escape(manDate)))
	r.section("NAME")
	r.line(escape(name) + ` \- ` + escape(what))
}

func (r *roff) section(title string) { r.line(".SH " + title) }

func (r *roff) item(tag, text string) { r.line(".TP\n" + tag + "\n" + escape(text)) }

func (r *roff) flags(flags []cli.Flag) {
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		value, usage := argument(doc)
		var names []string
		for _, n := range f.Names() {
			names = append(names, bold(dashed(n))+value)
		}
		for _, e := range doc.GetEnvVars() {
			usage += "; also by $" + e
		}
		r.item(strings.Join(names, ", "), sentence(usage))
	}
}

// argument is what a flag wants, which its usage has between backquotes.
func argument(f cli.DocGenerationFlag) (value, usage string) {
	usage = f.GetUsage()
	if !f.TakesValue() {
		return "", usage
	}
	value = "value"
	if _, rest, ok := strings.Cut(usage, "`"); ok {
		value, _, _ = strings.Cut(rest, "`")
	}
	return ` \fI` + escape(value) + `\fR`, strings.ReplaceAll(usage, "`", "")
}

// text sets paragraphs; what is indented is an example and stays as it is, and
// a line of capitals is a heading.
func (r *roff) text(s string) {
	example, fresh := false, true
	for line := range strings.SplitSeq(strings.TrimRight(s, "\n"), "\n") {
		indented := strings.HasPrefix(line, " ")
		if indented != example {
			r.line(map[bool]string{true: ".PP\n.nf\n.RS 1", false: ".RE\n.fi"}[indented])
			example, fresh = indented, !indented
		}
		switch {
		case line == "":
			fresh = true
			continue
		case !indented && line == strings.ToUpper(line):
			r.section(line)
			fresh = true
			continue
		case !indented && fresh:
			r.paragraph()
		}
		r.line(escape(line))
		fresh = false
	}
	if example {
		r.line(".RE\n.fi")
	}
}

// paragraph begins one, unless a section has just begun.
func (r *roff) paragraph() {
	lines := strings.Split(strings.TrimSpace(r.String()), "\n")
	if !strings.HasPrefix(lines[len(lines)-1], ".SH") {
		r.line(".PP")
	}
}

func bold(s string) string { return `\fB` + escape(s) + `\fR` }

// sentence begins with a capital and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimRight(s[1:], ".") + "."
}

// escape keeps text from being taken for roff.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `^`, `\(ha`, `~`, `\(ti`, "`", `\(ga`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
