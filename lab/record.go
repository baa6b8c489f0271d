package lab

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"io"

	jsonv2 "github.com/go-json-experiment/json"

	"nslab/lab/op"
	"nslab/topology"
)

// record is one line. Exactly one of its parts is set.
type record struct {
	Version int     `json:"nslab,omitempty"`
	Begin   *change `json:"begin,omitempty"`
	Was     *memory `json:"was,omitempty"`
	End     *string `json:"end,omitempty"`    // the step that is reached
	Proved  *string `json:"proved,omitempty"` // the questions that came out right at that step
	Have    []entry `json:"have,omitempty"`   // what is true at the end
	All     bool    `json:"all,omitempty"`    // or: all that may be
}

type change struct {
	Add []entry `json:"add,omitempty"`
}

type memory struct {
	Fact  op.Written `json:"fact"`
	Value string     `json:"value"`
}

type entry struct {
	Fact op.Written `json:"fact"`
	File string     `json:"file,omitempty"`
	Line int        `json:"line,omitempty"`
	Col  int        `json:"col,omitempty"`
}

func entries(ss []Step) []entry {
	out := make([]entry, len(ss))
	for i, s := range ss {
		out[i] = entry{op.Written{Op: s.Op}, s.Pos.File, s.Pos.Line, s.Pos.Col}
	}
	return out
}

// errNoFact is an entry that somebody else has written.
var errNoFact = errors.New("an entry without a fact")

func steps(es []entry) ([]Step, error) {
	out := make([]Step, len(es))
	for i, e := range es {
		if e.Fact.Op == nil {
			return nil, errNoFact
		}
		out[i] = Step{e.Fact.Op, topology.Pos{File: e.File, Line: e.Line, Col: e.Col}}
	}
	return out, nil
}

// size is that of the record in records and facts.
func (r record) size() int {
	n := 1 + len(r.Have)
	if r.Begin != nil {
		n += len(r.Begin.Add)
	}
	return n
}

// readRecord reads a line. Of what op complains about it says op's words, not
// where in Go that was.
func readRecord(line []byte) (r record, err error) {
	err = jsonv2.Unmarshal(line, &r)
	if e, ok := errors.AsType[*jsonv2.SemanticError](err); ok {
		err = cmp.Or(e.Err, err)
	}
	return r, err
}

func writeRecords(w io.Writer, rs []record) error {
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for _, r := range rs {
		if err := lines.Encode(r); err != nil {
			return err
		}
	}
	return out.Flush()
}
