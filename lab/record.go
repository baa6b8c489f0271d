package lab

import (
	"bufio"
	"cmp"
	"errors"
	"io"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"nslab/lab/op"
	"nslab/topology"
)

// record is one line. Exactly one of its parts is set.
type record struct {
	Version int     `json:"nslab,omitzero"`
	Begin   *change `json:"begin,omitzero"`
	Was     *memory `json:"was,omitzero"`
	End     *string `json:"end,omitzero"`    // the step that is reached
	Proved  *string `json:"proved,omitzero"` // the questions that came out right at that step
	Have    []entry `json:"have,omitempty"`  // what is true at the end
	All     bool    `json:"all,omitzero"`    // or: all that may be
}

type change struct {
	Add []entry `json:"add,omitempty"`
}

type memory struct {
	Fact  op.Written `json:"fact"`
	Value string     `json:"value"`
}

// entry is a fact and its place. A place without a file is in that of the entry
// before.
type entry struct {
	Fact op.Written `json:"fact"`
	File string     `json:"file,omitzero"`
	Line int        `json:"line,omitzero"`
	Col  int        `json:"col,omitzero"`
}

func entries(ss []Step) []entry {
	out := make([]entry, len(ss))
	file := ""
	for i, s := range ss {
		out[i] = entry{op.Written{Op: s.Op}, s.Pos.File, s.Pos.Line, s.Pos.Col}
		if s.Pos.Line != 0 && s.Pos.File == file {
			out[i].File = ""
		}
		file = s.Pos.File
	}
	return out
}

// errNoFact is an entry that somebody else has written.
var errNoFact = errors.New("an entry without a fact")

func steps(es []entry) ([]Step, error) {
	out := make([]Step, len(es))
	file := ""
	for i, e := range es {
		if e.Fact.Op == nil {
			return nil, errNoFact
		}
		if e.File != "" || e.Line == 0 {
			file = e.File
		}
		out[i] = Step{e.Fact.Op, topology.Pos{File: file, Line: e.Line, Col: e.Col}}
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

// writeRecords writes a line for each. What a file was before need not be UTF-8.
func writeRecords(w io.Writer, rs []record) error {
	out := bufio.NewWriter(w)
	lines := jsontext.NewEncoder(out, jsontext.AllowInvalidUTF8(true))
	for _, r := range rs {
		if err := jsonv2.MarshalEncode(lines, r); err != nil {
			return err
		}
	}
	return out.Flush()
}
