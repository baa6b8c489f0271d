package proof_test

import (
	"encoding/json"
	"testing"

	"nslab/lab/proof"
)

// FuzzPrint reads a print that was kept: one that is read is written as it was,
// and differs in nothing from itself.
func FuzzPrint(f *testing.F) {
	f.Add([]byte(`{"routes":["a: b=1"],"rules":[],"\u001b[31m":null}`))
	f.Add([]byte(`{"routes":["a"],"routes":["b"]}`))
	f.Add([]byte(`{"routes":"a"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p proof.Print
		if json.Unmarshal(b, &p) != nil {
			return
		}
		if d := proof.Compare(p, p); len(d) > 0 {
			t.Errorf("%v differs from itself: %v", p, d)
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatalf("%q was read, but is not written: %v", b, err)
		}
		var again proof.Print
		if err := json.Unmarshal(text, &again); err != nil || again.Lines() != p.Lines() {
			t.Errorf("%s was written, and read as %v: %v", text, again, err)
		}
	})
}
