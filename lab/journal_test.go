package lab_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"nslab/lab"
	"nslab/lab/kerneltest"
	"nslab/lab/probe"
)

// copier keeps the journal as it is behind every fact.
type copier struct {
	path   string
	copies [][]byte
}

func (*copier) Stage(*lab.Stage, lab.Change) {}
func (*copier) Check(probe.Result)           {}
func (c *copier) Done(lab.StageReport)       { c.Fact(lab.Event{}) }
func (c *copier) Fact(lab.Event) {
	b, _ := os.ReadFile(c.path) // "" is seen below
	if len(c.copies) == 0 || !bytes.Equal(c.copies[len(c.copies)-1], b) {
		c.copies = append(c.copies, b)
	}
}

// written applies the small lab and returns its journals, the growing one and the last.
func written(t *testing.T) [][]byte {
	t.Helper()
	s := newSite(t)
	p := plan(t, "lab.yaml", small)
	l := open(t, s.dir, p.Name())
	c := &copier{path: filepath.Join(s.dir, p.Name(), "journal")}
	if _, err := l.Apply(t.Context(), p, lab.Options{NoVerify: true, Observer: c}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if len(c.copies) < 5 {
		t.Fatalf("want a journal that grows, found %d states of it", len(c.copies))
	}
	return c.copies
}

// reopen opens a lab with a given journal.
func reopen(t *testing.T, journal []byte) (*lab.Lab, error) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "labs", "lab")
	if err := errors.Join(os.MkdirAll(path, 0o700), os.WriteFile(path+"/journal", journal, 0o600)); err != nil {
		t.Fatal(err)
	}
	return lab.Open(filepath.Join(dir, "labs"), "lab")
}

// TestJournalIsWrittenAhead cuts the journal of an apply behind every record:
// whatever is true after some fact is in the journal before it.
func TestJournalIsWrittenAhead(t *testing.T) {
	copies := written(t)
	p := plan(t, "lab.yaml", small)
	last := copies[len(copies)-1]
	for _, c := range copies {
		if !bytes.HasPrefix(last, c) {
			t.Fatal("the journal is not only appended to")
		}
	}
	records := bytes.SplitAfter(last, []byte("\n"))
	for n := range records {
		l, err := reopen(t, bytes.Join(records[:n], nil))
		if err != nil {
			t.Fatalf("behind record %d: %v", n, err)
		}
		if at := l.Journal.At; at != "" && p.Index(at) < 0 {
			t.Errorf("behind record %d the lab stands at %q", n, at)
		}
		if i := p.Index(l.Journal.At); i >= 0 && !l.Journal.Open {
			if diff := cmp.Diff(texts(p.Facts(i)), texts(l.Journal.Have)); diff != "" {
				t.Errorf("at %s (-plan +journal):\n%s", l.Journal.At, diff)
			}
		}
		_ = l.Journal // not destroyed: these are copies
	}
}

func texts(steps []lab.Step) (out []string) {
	for _, s := range steps {
		out = append(out, s.Pos.String()+" "+s.Op.String())
	}
	return out
}

// TestJournalTorn cuts the journal at every byte of its last records: the one
// that was being written counts for nothing, and those before it are kept.
func TestJournalTorn(t *testing.T) {
	copies := written(t)
	last := copies[len(copies)-1]
	cut := bytes.LastIndexByte(last[:len(last)-1], '\n') + 1
	whole, err := reopen(t, last[:cut])
	if err != nil {
		t.Fatal(err)
	}
	for n := cut; n < len(last); n += 97 {
		l, err := reopen(t, last[:n])
		if err != nil {
			t.Fatalf("cut at byte %d: %v", n, err)
		}
		if diff := cmp.Diff(texts(whole.Journal.Have), texts(l.Journal.Have)); diff != "" {
			t.Errorf("cut at byte %d (-want +got):\n%s", n, diff)
		}
	}
}

func TestJournalRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, err string }{
		{"newer", `{"nslab":99}` + "\n", "record 1: the journal cannot be understood: written by a newer nslab (format 99, this one knows 1)"},
		{"garbage", "{\"nslab\":1}\nhello\n", "record 2: the journal cannot be understood: jsontext: invalid character 'h' at start of value"},
		{
			"unknown fact", "{\"nslab\":1}\n" + `{"begin":{"add":[{"fact":{"fact":"Wormhole","is":{}}}]}}` + "\n",
			`record 2: the journal cannot be understood: unknown fact "Wormhole": written by a newer nslab?`,
		},
		{
			"fact of another shape", "{\"nslab\":1}\n" + `{"begin":{"add":[{"fact":{"fact":"Up","is":{"NS":7}}}]}}` + "\n",
			`record 2: the journal cannot be understood: json: cannot unmarshal JSON number into Go string within "/begin/add/0/fact/is/NS"`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := reopen(t, []byte(tt.text))
			// The library throws dice for one of two words, so that nobody relies on them.
			if err == nil || !strings.HasSuffix(strings.Replace(err.Error(), "unable to", "cannot", 1), "/labs/lab/journal: "+tt.err) {
				t.Errorf("error %v, want %s", err, tt.err)
			}
		})
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"nslab":1}` + "\n" + `{"begin":{"add":[{"fact":{"fact":"Up","is":{"NS":"red","Dev":"lo"}},"file":"a.yaml","line":1,"col":2}]}}` + "\n" +
		`{"was":{"fact":{"fact":"Sysctl","is":{"NS":"host","Key":"net.ipv4.ip_forward","Value":"1"}},"value":"0"}}` + "\n" + `{"end":"ground"}` + "\n"))
	f.Add([]byte("{\"nslab\":1}\n{\"end\":"))
	f.Add([]byte("\n\n\x00\x00"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(dir, "lab")
		if err := errors.Join(os.MkdirAll(path, 0o700), os.WriteFile(path+"/journal", b, 0o600)); err != nil {
			t.Fatal(err)
		}
		l, err := lab.Open(dir, "lab")
		if err != nil {
			return
		}
		have := texts(l.Journal.Have)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if len(have) == 0 {
			return
		}
		again, err := lab.Open(dir, "lab")
		if err != nil {
			t.Fatalf("read once, not twice: %v", err)
		}
		defer again.Close()
		if diff := cmp.Diff(have, texts(again.Journal.Have)); diff != "" {
			t.Errorf("read twice (-first +second):\n%s", diff)
		}
	})
}

// TestJournalCannotBeWritten has no room for the journal: nothing is touched.
func TestJournalCannotBeWritten(t *testing.T) {
	kerneltest.Need(t)
	before := fingerprint(t)
	p := plan(t, "lab.yaml", small)
	dir := t.TempDir() + "/labs"
	sh(t, "mkdir "+dir+"; mount -t tmpfs -o size=4k tmpfs "+dir)
	t.Cleanup(func() { sh(t, "umount -l "+dir) })
	l := open(t, dir, p.Name())
	_, err := l.Apply(t.Context(), p, lab.Options{NoVerify: true})
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), dir) {
		t.Errorf("want an error that names the file and the reason, found %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if diff := cmp.Diff(before, fingerprint(t)); diff != "" {
		t.Errorf("touched (-before +after):\n%s", diff)
	}
}

// A lab that is applied unchanged hardly writes, and what it writes says the same.
func TestJournalOfNothingNew(t *testing.T) {
	s := newSite(t)
	s.apply(small, "")
	path := filepath.Join(s.dir, "small", "journal")
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	facts := func() string {
		l := open(t, s.dir, "small")
		defer l.Close()
		return names(l.Journal.Have)
	}
	have := facts()
	s.apply(small, "")
	second, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if more := len(second) - len(first); !bytes.HasPrefix(second, first) || more > 100 {
		t.Errorf("%d bytes more, want hardly any:\n%s", more, second[len(first):])
	}
	if again := facts(); again != have {
		t.Errorf("the journal has %s, had %s", again, have)
	}
}
