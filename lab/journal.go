package lab

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"

	"nslab/lab/op"
)

// journalVersion is written into every journal; a newer one is refused.
const journalVersion = 1

// ErrDamaged says that a journal cannot be read, so that nobody knows what the
// lab has made: nslab removes nothing by guessing.
var ErrDamaged = errors.New("the journal cannot be understood")

// Journal is what a lab knows of itself on disk. It is written ahead: a fact
// is in it before it is made, so that whatever a killed nslab has left behind
// can be undone. It is append-only, one JSON record a line.
type Journal struct {
	f       *os.File
	Have    []Step           // every fact that may be true, in the order of making
	Reached []Step           // what was true when the last change had ended
	At      string           // the step that was reached last, "" for none
	was     map[op.Op]string // what Before answered
	Open    bool             // a change was begun and not finished
	Proved  string           // the questions that came out right at At; see questions
}

// openJournal reads the journal at path, or begins one.
func openJournal(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{f: f, was: map[op.Op]string{}}
	if err := j.read(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return j, nil
}

// readJournal reads a journal without the right to write it.
func readJournal(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	j := &Journal{f: f, was: map[op.Op]string{}}
	if err := j.read(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return j, nil
}

// read folds the records. A record that was being written when nslab died has
// no newline yet; what it announced had not begun.
func (j *Journal) read() error {
	r := bufio.NewReaderSize(j.f, 1<<16)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) == 0 && err != nil {
			return nil
		}
		if err != nil {
			return j.truncate(len(line))
		}
		if err := j.fold(line); err != nil {
			return fmt.Errorf("record %d: %w: %w", n, ErrDamaged, err)
		}
	}
}

func (j *Journal) truncate(torn int) error {
	fi, err := j.f.Stat()
	if err != nil {
		return err
	}
	// A reader may not cut it off and need not: it counts for nothing.
	_ = j.f.Truncate(fi.Size() - int64(torn))
	return nil
}

func (j *Journal) fold(line []byte) error {
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		return err
	}
	switch {
	case r.Version > journalVersion:
		return fmt.Errorf("written by a newer nslab (format %d, this one knows %d)", r.Version, journalVersion)
	case r.Begin != nil:
		return j.foldBegin(r.Begin)
	case r.Was != nil:
		o, err := op.Decode(r.Was.Fact)
		if err == nil {
			j.was[o] = r.Was.Value
		}
		return err
	case r.Proved != nil:
		j.Proved = *r.Proved
	case r.End != nil:
		have, err := steps(r.Have)
		if err == nil {
			j.reach(*r.End, have)
		}
		return err
	}
	return nil
}

func (j *Journal) foldBegin(c *change) error {
	add, err := steps(c.Add)
	if err != nil {
		return err
	}
	had := set(j.Have)
	for _, s := range add {
		if !had[s.Op] {
			j.Have = append(j.Have, s)
		}
	}
	j.Open = true
	return nil
}

// begin writes down what is about to happen. Nothing is touched before it returns.
func (j *Journal) begin(c Change) error {
	if err := j.compact(); err != nil {
		return err
	}
	add, err := entries(c.Add)
	if err != nil {
		return err
	}
	ch := &change{Add: add}
	if err := j.write(record{Begin: ch}); err != nil {
		return err
	}
	return j.foldBegin(ch)
}

// remember keeps the value from before a fact. The first one counts: later
// ones are the lab's own doing.
func (j *Journal) remember(o op.Op, value string) error {
	if _, known := j.was[o]; known {
		return nil
	}
	fact, err := op.Encode(o)
	if err != nil {
		return err
	}
	if err := j.write(record{Was: &memory{fact, value}}); err != nil {
		return err
	}
	j.was[o] = value
	return nil
}

// end writes down what is true now, and which step that is.
func (j *Journal) end(at string, have []Step) error {
	es, err := entries(have)
	if err != nil {
		return err
	}
	if err := j.write(record{End: &at, Have: es}); err != nil {
		return err
	}
	j.reach(at, have)
	return nil
}

// reach is what the end of a change means. What was before a fact that is no
// more is forgotten: the next time it may be something else.
func (j *Journal) reach(at string, have []Step) {
	j.At, j.Have, j.Reached, j.Open, j.Proved = at, have, have, false, ""
	kept := set(have)
	maps.DeleteFunc(j.was, func(o op.Op, _ string) bool { return !kept[o] })
}

// prove writes down that the questions of the step that is reached came out right.
func (j *Journal) prove(questions string) error {
	if err := j.write(record{Proved: &questions}); err != nil {
		return err
	}
	j.Proved = questions
	return nil
}

// Was is what Before answered for a fact.
func (j *Journal) Was(o op.Op) string { return j.was[o] }

// write appends one record and has it on the disk when it returns. A record
// that did not fit is cut off again: what follows must not be glued to it.
func (j *Journal) write(r record) error {
	fi, err := j.f.Stat()
	if err != nil {
		return err
	}
	rs := []record{r}
	if fi.Size() == 0 {
		rs = []record{{Version: journalVersion}, r}
	}
	lines, err := encode(rs)
	if err != nil {
		return err
	}
	if _, err := j.f.Write(lines); err != nil {
		return errors.Join(err, j.f.Truncate(fi.Size()))
	}
	return j.f.Sync()
}

func (j *Journal) close() error { return j.f.Close() }
