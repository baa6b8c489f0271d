package lab

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// FuzzKept reads the lab file that was kept beside a journal, as a disk or
// somebody else may have left it.
func FuzzKept(f *testing.F) {
	f.Add([]byte(`{"path":"a.yaml","name":"a.yaml","files":{"a.yaml":"namespaces: {red: {}}"}}`))
	f.Add([]byte(`{"name":"a","files":{"a":"include: b","a\u0000b":"include: a","\u0000a\u0000b":"b"}}`))
	f.Add([]byte(`{"name":"a","files":null}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "red"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "red", "source.json"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Kept(dir, "red")
		if err != nil {
			return
		}
		if topo, err := s.Parse(); err == nil && topo == nil {
			t.Error("neither a lab nor an error")
		}
	})
}

// FuzzRecord reads one line of a journal: what is read is written as it was.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"begin":{"add":[{"fact":{"fact":"Up","is":{"NS":"red","Dev":"lo"}},"file":"a.yaml","line":1,"col":2}]}}`))
	f.Add([]byte(`{"have":[{"fact":null}],"end":""}`))
	f.Add([]byte(`{"nslab":99999999999999999999}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var r record
		if json.Unmarshal(line, &r) != nil || r.size() < 1 {
			return
		}
		if _, err := steps(r.Have); err != nil {
			return // an entry without a fact is refused, and not written
		}
		if r.Begin != nil {
			if _, err := steps(r.Begin.Add); err != nil {
				return
			}
		}
		if r.Was != nil && r.Was.Fact.Op == nil {
			return
		}
		var once, twice bytes.Buffer
		if err := writeRecords(&once, []record{r}); err != nil {
			t.Fatal(err)
		}
		var again record
		if err := json.Unmarshal(once.Bytes(), &again); err != nil {
			t.Fatalf("%s: %v", once.Bytes(), err)
		}
		if err := writeRecords(&twice, []record{again}); err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Errorf("%s was written, then %s: %v", once.Bytes(), twice.Bytes(), err)
		}
	})
}

// FuzzLogin reads where somebody who works on the machine has come from.
func FuzzLogin(f *testing.F) {
	f.Add("192.0.2.7 5000 192.0.2.1 22")
	f.Add("fe80::1%\x1b[31m 1 :: 2")
	f.Add("")
	f.Fuzz(func(t *testing.T, connection string) {
		for _, l := range []login{parseLogin(connection, ""), parseLogin("", connection)} {
			if a := l.client; a.IsValid() && (a.Zone() != "" || a.Is4In6()) {
				t.Errorf("%q is from %s, want the bare address", connection, a)
			}
		}
	})
}
