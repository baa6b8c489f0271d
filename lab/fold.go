package lab

import (
	"fmt"
	"maps"

	"nslab/lab/op"
)

// fold reads a record.
func (j *Journal) fold(line []byte) error {
	r, err := readRecord(line)
	if err != nil {
		return err
	}
	j.told += r.size()
	switch {
	case r.Version > journalVersion:
		return fmt.Errorf("written by a newer nslab (format %d, this one knows %d)", r.Version, journalVersion)
	case r.Begin != nil:
		add, err := steps(r.Begin.Add)
		if err == nil {
			j.announced(add)
		}
		return err
	case r.Was != nil && r.Was.Fact.Op == nil:
		return errNoFact
	case r.Was != nil:
		j.was[r.Was.Fact.Op] = r.Was.Value
	case r.Proved != nil:
		j.Proved = *r.Proved
	case r.End != nil && r.All:
		j.reach(*r.End, j.Have, j.facts())
	case r.End != nil:
		have, err := steps(r.Have)
		if err == nil {
			j.reach(*r.End, have, set(have))
		}
		return err
	}
	return nil
}

// announced is what may be true from now on.
func (j *Journal) announced(add []Step) {
	known := j.facts()
	for _, s := range add {
		if !known[s.Op] {
			j.Have, known[s.Op] = append(j.Have, s), true
		}
	}
	j.Open = true
}

// facts are those of Have.
func (j *Journal) facts() map[op.Op]bool {
	if j.known == nil {
		j.known = set(j.Have)
	}
	return j.known
}

// reach is what the end of a change means. What was before a fact that is no
// more is forgotten: the next time it may be something else. kept are the facts
// of have.
func (j *Journal) reach(at string, have []Step, kept map[op.Op]bool) {
	j.At, j.Have, j.Reached, j.Open, j.Proved, j.known = at, have, have, false, "", nil
	maps.DeleteFunc(j.was, func(o op.Op, _ string) bool { return !kept[o] })
}
