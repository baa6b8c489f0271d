package lab

import (
	"encoding/json"

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
	Have    []entry `json:"have,omitempty"`
}

type change struct {
	Add []entry `json:"add,omitempty"`
}

type memory struct {
	Fact  json.RawMessage `json:"fact"`
	Value string          `json:"value"`
}

type entry struct {
	Fact json.RawMessage `json:"fact"`
	File string          `json:"file,omitempty"`
	Line int             `json:"line,omitempty"`
	Col  int             `json:"col,omitempty"`
}

func encode(rs []record) ([]byte, error) {
	var lines []byte
	for _, r := range rs {
		b, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, b...), '\n')
	}
	return lines, nil
}

func entries(ss []Step) ([]entry, error) {
	out := make([]entry, len(ss))
	for i, s := range ss {
		fact, err := op.Encode(s.Op)
		if err != nil {
			return nil, err
		}
		out[i] = entry{fact, s.Pos.File, s.Pos.Line, s.Pos.Col}
	}
	return out, nil
}

func steps(es []entry) ([]Step, error) {
	var out []Step
	for _, e := range es {
		o, err := op.Decode(e.Fact)
		if err != nil {
			return nil, err
		}
		out = append(out, Step{o, topology.Pos{File: e.File, Line: e.Line, Col: e.Col}})
	}
	return out, nil
}
