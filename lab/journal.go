package lab

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

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
	kernel  *op.Kernel       // whose points it has
	Have    []Step           // every fact that may be true, in the order of making
	Reached []Step           // what was true when the last change had ended
	At      string           // the step that was reached last, "" for none
	was     map[op.Op]string // what Before answered
	Open    bool             // a change was begun and not finished
	Proved  string           // the questions that came out right at At; see questions
	known   map[op.Op]bool   // the facts of Have; nil when nobody has counted them
	told    int              // records and facts that are written in it
}

// openJournal reads the journal at path, or begins one.
func openJournal(path string) (*Journal, error) {
	f, err := openState(path, os.O_RDWR|os.O_CREATE|os.O_APPEND)
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
	f, err := openState(path, os.O_RDONLY)
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
		switch {
		case errors.Is(err, io.EOF) && len(bytes.TrimSpace(line)) == 0:
			return nil
		case errors.Is(err, io.EOF):
			return j.truncate(len(line))
		case err != nil:
			return err
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

// announcement is how many facts are written in one record: a short line is
// read and written in little memory.
const announcement = 100

// begin writes down what is about to happen. Nothing is touched before it
// returns. To mend what is written down already it need not say a word.
func (j *Journal) begin(c Change) error {
	if len(c.Add) == 0 && len(c.Gone) == 0 && !j.Open {
		return nil
	}
	if err := j.compact(); err != nil {
		return err
	}
	rs := []record{}
	for some := range slices.Chunk(c.Add, announcement) {
		rs = append(rs, record{Begin: &change{Add: entries(some)}})
	}
	if len(rs) == 0 {
		rs = []record{{Begin: &change{}}}
	}
	if err := j.write(rs...); err != nil {
		return err
	}
	j.announced(c.Add)
	return nil
}

// remember keeps the values from before facts. The first one counts: later
// ones are the lab's own doing.
func (j *Journal) remember(facts []op.Op, was []string) error {
	var rs []record
	for i, o := range facts {
		if _, known := j.was[o]; !known {
			rs = append(rs, record{Was: &memory{op.Written{Op: o}, was[i]}})
		}
	}
	if len(rs) == 0 {
		return nil
	}
	if err := j.write(rs...); err != nil {
		return err
	}
	for _, r := range rs {
		j.was[r.Was.Fact.Op] = r.Was.Value
	}
	return nil
}

// end writes down what is true now, and which step that is. Where nothing is, the
// journal itself goes: there need not be room to say so.
func (j *Journal) end(at string, have []Step) error {
	r := record{End: &at}
	if r.All = len(have) > 0 && slices.Equal(have, j.Have); !r.All {
		r.Have = entries(have)
	}
	if err := j.write(r); err != nil && len(have) > 0 {
		return err
	}
	if r.All {
		j.reach(at, have, j.facts())
	} else {
		j.reach(at, have, set(have))
	}
	return nil
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

// write appends records and has them on the disk when it returns. What did not
// fit is cut off again: what follows must not be glued to it.
func (j *Journal) write(rs ...record) error {
	return j.kernel.Around("write", j.f.Name(), func() error { return j.append(rs...) })
}

func (j *Journal) append(rs ...record) error {
	fi, err := j.f.Stat()
	if err != nil {
		return err
	}
	if fi.Size() == 0 {
		rs = append([]record{{Version: journalVersion}}, rs...)
	}
	if err := writeRecords(j.f, rs); err != nil {
		return errors.Join(err, j.f.Truncate(fi.Size()))
	}
	for _, r := range rs {
		j.told += r.size()
	}
	return j.f.Sync()
}

func (j *Journal) close() error { return j.f.Close() }
