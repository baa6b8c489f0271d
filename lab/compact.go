package lab

import (
	"errors"
	"os"

	"nslab/lab/op"
)

// roomy is how many bytes a journal may have before its history is dropped.
const roomy = 256 << 10

// stale says whether a long journal tells mostly of what has been.
func (j *Journal) stale() bool {
	fi, err := j.f.Stat()
	return err == nil && fi.Size() >= roomy && j.told > 4*len(j.Have)+1000
}

// compact writes a long journal anew, with what still counts of it. The new
// one takes the place of the old in one step; both say the same.
func (j *Journal) compact() error {
	if j.Open || !j.stale() {
		return nil
	}
	path := j.f.Name()
	f, err := openState(path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND)
	if err != nil {
		return err
	}
	rs := j.records()
	if err = errors.Join(writeRecords(f, rs), f.Sync()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(path+".new"))
	}
	old := j.f
	j.f, j.told = f, len(rs)+len(j.Have)
	return old.Close()
}

// records are the shortest that say what the journal knows.
func (j *Journal) records() []record {
	rs := []record{{Version: journalVersion}, {End: &j.At, Have: entries(j.Have)}}
	for o, value := range j.was {
		rs = append(rs, record{Was: &memory{op.Written{Op: o}, value}})
	}
	return append(rs, record{Proved: &j.Proved})
}
