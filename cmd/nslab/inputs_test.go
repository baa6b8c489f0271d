package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// patience is how much of a processor anything may take that touches no kernel.
const patience = time.Second

// TestInputs gives nslab what people write by mistake, and what others write
// on purpose. Each file of testdata/inputs is a class of such input:
//
//	what the class is about
//
//	> a frame: lines around what a case gives; the line with @ stands once for
//	> each of its lines that begin with @
//
//	=== what is wrong
//	@ goes into the frame
//	anything else is lab.yaml, as it stands
//	%repeat N TEXT     N lines, with {n} in the text counting from 1
//	%bytes TEXT...     quoted as in Go; a number before a text repeats it
//	%symlink TARGET NAME
//	%file NAME         the file is called otherwise
//	%run ARGUMENTS     of nslab, instead of `validate lab.yaml`
//	--- EXIT STATUS
//	what nslab says
//
// go test ./cmd/nslab -run TestInputs -update writes the answers down.
//
// Whatever the input: an answer within a second, no panic, nothing that a
// terminal would obey, and every mistake of a file with its place.
func TestInputs(t *testing.T) {
	files, err := filepath.Glob("testdata/inputs/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no inputs:", err)
	}
	for _, file := range files {
		in, err := readInputs(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := range in.cases {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+in.cases[i].title, func(t *testing.T) {
				in.cases[i].ask(t)
			})
		}
		if *update {
			if err := os.WriteFile(file, []byte(in.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// ask gives the case to nslab.
func (c *inputCase) ask(t *testing.T) {
	t.Helper()
	args := c.lay(t)
	before := worked(t)
	got := answer(args)
	if took := worked(t) - before; took > patience {
		t.Errorf("took %v", took)
	}
	if strings.IndexFunc(got, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) >= 0 {
		t.Errorf("something that a terminal would obey: %q", got)
	}
	if c.run == nil && !placed.MatchString(got) {
		t.Errorf("no place in the file: %s", got)
	}
	got = short(got)
	if *update {
		c.want = got
	} else if diff := cmp.Diff(c.want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// worked is the time that processors have spent on this program.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestUnreadable: root may read everything, so an ordinary user asks.
func TestUnreadable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lab.yaml")
	for dir := filepath.Dir(file); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, []byte("namespaces: {red: {}}\n"), 0); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "validate", file)
	cmd.Args[0] = "nslab"
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if want := "nslab: cannot read " + file + ": permission denied\n"; string(out) != want || cmd.ProcessState.ExitCode() != exitUsage {
		t.Errorf("%v\n got: %s\nwant: %s", err, out, want)
	}
}

// placed is a verdict on a file: it is valid, with warnings or without, or it
// has mistakes, and each line begins with its place.
var placed = regexp.MustCompile(`^--- (0\n([^:\n]+:\d+:\d+: warning: .*\n)*[^:\n]+: valid: .*\n|2\n([^:\n]+:\d+:\d+: .*\n)+nslab: nothing was touched\n)$`)

// answer is what nslab says to args, and its exit status.
func answer(args []string) string {
	r, w, err := os.Pipe()
	if err != nil {
		return err.Error()
	}
	_ = w.Close()
	defer r.Close()
	var out bytes.Buffer
	code := run(append([]string{"nslab"}, args...), streams{in: r, out: &out, err: &out})
	return fmt.Sprintf("--- %d\n%s", code, out.String())
}

// enumeration is a list of what the grammar has, which grows.
var enumeration = regexp.MustCompile(`((?:there are|want one of) )(?:[a-z0-9-]+, ){4,}`)

// short leaves out long lists, and the middle of a long answer.
func short(answer string) string {
	const head, tail = 8, 2
	answer = enumeration.ReplaceAllString(answer, "$1[many], ")
	lines := strings.SplitAfter(answer, "\n")
	n := len(lines) - 1 // what follows the last line is empty
	if n <= 5*(head+tail) {
		return answer
	}
	return strings.Join(lines[:head], "") + "[many lines]\n" + strings.Join(lines[n-tail:], "")
}

type inputFile struct {
	head  string // up to the first case
	cases []inputCase
}

type inputCase struct {
	title, body, want string
	text              strings.Builder // of the lab file
	name              string
	run, links        []string
}

func readInputs(file string) (*inputFile, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	parts := strings.Split("\n"+string(b), "\n=== ")
	in := &inputFile{head: parts[0][1:]}
	var frame []string
	for line := range strings.Lines(in.head) {
		if text, ok := strings.CutPrefix(line, "> "); ok {
			frame = append(frame, text)
		}
	}
	for _, part := range parts[1:] {
		title, rest, _ := strings.Cut(part, "\n")
		body, want, _ := strings.Cut("\n"+rest+"\n", "\n--- ")
		c := inputCase{title: title, body: strings.Trim(body, "\n") + "\n", want: strings.TrimRight("--- "+want, "\n") + "\n", name: "lab.yaml"}
		if err := c.read(frame); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, title, err)
		}
		in.cases = append(in.cases, c)
	}
	return in, nil
}

// String is the file as it is written.
func (in *inputFile) String() string {
	var b strings.Builder
	b.WriteString(strings.TrimRight(in.head, "\n") + "\n")
	for i := range in.cases {
		c := &in.cases[i]
		fmt.Fprintf(&b, "\n=== %s\n%s%s", c.title, c.body, c.want)
	}
	return b.String()
}

// read turns the body of a case into a file and arguments.
func (c *inputCase) read(frame []string) error {
	var into []string
	for line := range strings.Lines(c.body) {
		word, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch {
		case word == "@":
			into = append(into, rest)
		case strings.HasPrefix(word, "%") && directives[word] != nil:
			if err := directives[word](c, rest); err != nil {
				return err
			}
		default:
			c.text.WriteString(line)
		}
	}
	for _, line := range frame {
		if len(into) == 0 {
			return nil
		}
		if !strings.Contains(line, "@") {
			c.text.WriteString(line)
			continue
		}
		for _, x := range into {
			c.text.WriteString(strings.Replace(line, "@", x, 1))
		}
	}
	return nil
}

var directives = map[string]func(c *inputCase, rest string) error{
	"%repeat": func(c *inputCase, rest string) error {
		times, text, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(times)
		c.repeat(n, text+"\n")
		return err
	},
	"%bytes": func(c *inputCase, rest string) error { return c.bytes(rest) },
	"%symlink": func(c *inputCase, rest string) error {
		c.links = strings.Fields(rest)
		return nil
	},
	"%file": func(c *inputCase, rest string) (err error) {
		c.name, err = strconv.Unquote(rest)
		return err
	},
	"%run": func(c *inputCase, rest string) error {
		c.run = []string{}
		for w := range strings.FieldsSeq(rest) {
			if u, err := strconv.Unquote(w); err == nil {
				w = u
			}
			c.run = append(c.run, w)
		}
		return nil
	},
}

func (c *inputCase) repeat(times int, text string) {
	for n := range times {
		c.text.WriteString(strings.ReplaceAll(text, "{n}", strconv.Itoa(n+1)))
	}
}

// bytes reads quoted texts, each with a number before it or not.
func (c *inputCase) bytes(rest string) error {
	times := 1
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		if quoted, err := strconv.QuotedPrefix(rest); err == nil {
			text, err := strconv.Unquote(quoted)
			if err != nil {
				return err
			}
			c.repeat(times, text)
			times, rest = 1, rest[len(quoted):]
			continue
		}
		word, after, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(word)
		if err != nil {
			return errors.New("neither a number nor a quoted text: " + rest)
		}
		times, rest = n, after
	}
	return nil
}

// lay puts the files of the case into a directory of its own, where nslab is
// started, and returns its arguments.
func (c *inputCase) lay(t *testing.T) []string {
	t.Helper()
	t.Chdir(t.TempDir())
	if len(c.links) == 2 {
		if err := os.Symlink(c.links[0], c.links[1]); err != nil {
			t.Fatal(err)
		}
	}
	if c.run != nil {
		return c.run
	}
	if err := os.WriteFile(c.name, []byte(c.text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"validate", c.name}
}
