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

// FuzzMachine reads what tells of the machine: who listens, who has logged in,
// who has a lock.
func FuzzMachine(f *testing.F) {
	f.Add(" 0: 0100007F:0050 00000000:0000 0A", "192.0.2.7 5000 192.0.2.1 22")
	f.Add("x 00000000000000000000FFFF0100007F:FFFF x 0A\nx :0 x 0A", "fe80::1%\x1b[31m 1 :: 2")
	f.Add("x 00:1 x 0A", "")
	f.Fuzz(func(t *testing.T, table, connection string) {
		for _, s := range parseListening(table, "tcp", "0A") {
			if !s.addr.IsValid() {
				t.Errorf("%q has a socket of no address", table)
			}
		}
		_ = parseLogin(connection, "")
		_ = parseLogin("", connection)
	})
}
