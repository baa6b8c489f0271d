package lab

import (
	"errors"
	"os"

	"nslab/lab/op"
)

// roomy is how large a journal may grow before its history is dropped.
const roomy = 256 << 10

// compact writes a long journal anew, with what still counts of it. The new
// one takes the place of the old in one step; both say the same.
func (j *Journal) compact() error {
	if fi, err := j.f.Stat(); err != nil || fi.Size() < roomy || j.Open {
		return err
	}
	rs, err := j.records()
	if err != nil {
		return err
	}
	lines, err := encode(rs)
	if err != nil {
		return err
	}
	path := j.f.Name()
	f, err := os.OpenFile(path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND|noFollow, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(lines)
	if err = errors.Join(err, f.Sync()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(path+".new"))
	}
	old := j.f
	j.f = f
	return old.Close()
}

// records are the shortest that say what the journal knows.
func (j *Journal) records() ([]record, error) {
	have, err := entries(j.Have)
	if err != nil {
		return nil, err
	}
	rs := []record{{Version: journalVersion}, {End: &j.At, Have: have}}
	for o, value := range j.was {
		fact, err := op.Encode(o)
		if err != nil {
			return nil, err
		}
		rs = append(rs, record{Was: &memory{fact, value}})
	}
	return append(rs, record{Proved: &j.Proved}), nil
}
