package op_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"

	"nslab/lab/op"
)

// Every fact is read as it was written, and without help.
func TestLines(t *testing.T) {
	t.Parallel()
	var lines op.Lines
	for _, e := range examples(t) {
		text, err := json.Marshal(op.Written{Op: e.fact})
		if err != nil {
			t.Fatal(err)
		}
		var got op.Written
		if err := lines.Read(text, &got); err != nil || got.Op != e.fact || lines.Odd() {
			t.Errorf("%s was read as %#v, want %#v: %v; by encoding/json: %v", text, got.Op, e.fact, err, lines.Odd())
		}
	}
}

// sample has a part of every kind that a line of a journal has.
type sample struct {
	Fact  op.Written   `json:"fact"`
	More  []op.Written `json:"more,omitempty"`
	End   *string      `json:"end"`
	Net   netip.Prefix
	Yes   bool
	Count int
	Small uint8
	inner
}

type inner struct{ NS, Name string }

// FuzzLines reads what anybody may have written into a journal, and what
// encoding/json would have read.
func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"fact":{"fact":"Up","is":{"NS":"red","Dev":"lo"}},"more":[{"fact":"Names","is":{}}],"end":""}`))
	f.Add([]byte(`{"Net":"10.0.0.1/24","Yes":true,"Count":-7,"Small":255,"NS":"red\n\u00e9","Name":"방"}`))
	f.Add([]byte(`{"more":[],"end":"a","end":null,"Count":007,"Small":256}`))
	f.Add([]byte(`{"more":[{"fact":"Up","is":{"NS":"a"}}],"more":[{"fact":"Up","is":{"Dev":"b"}}]}`))
	f.Add([]byte(` {"ns" : "a", "other": {}}`))
	f.Add([]byte(`{"more":[{"fact":"Nothing","is":{}}]}`))
	f.Add([]byte(`{"Yes":tru,"Name":"\x00"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var lines op.Lines
		var got, want sample
		err, werr := lines.Read(line, &got), json.Unmarshal(line, &want)
		if (err == nil) != (werr == nil) || werr == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%q was read as %+v, %v; want %+v, %v", bytes.TrimSpace(line), got, err, want, werr)
		}
	})
}
