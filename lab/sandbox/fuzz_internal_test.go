package sandbox

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"nslab/lab/netns"
)

// FuzzState reads holder.json as anybody may have written it: a sandbox lives
// only when the file speaks of a process of this boot, with its start time.
func FuzzState(f *testing.F) {
	own, err := netns.ProcessOf(os.Getpid())
	if err != nil {
		f.Fatal(err)
	}
	living, err := json.Marshal(record{Pid: os.Getpid(), Start: own.Start, Boot: bootID(), Notes: []string{"\x1b[31m"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(living)
	f.Add([]byte(`{"pid":-1,"start":0,"boot_id":"` + bootID() + `"}`))
	f.Add([]byte(`{"pid":1,"start":18446744073709551615,"boot_id":"` + bootID() + `"}`))
	f.Add([]byte(`{"pid":`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := place{name: "fuzz", dir: t.TempDir()}
		if err := os.WriteFile(p.state(), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s := p.living()
		if s == nil {
			return
		}
		stat, err := netns.ProcessOf(s.Pid)
		if err != nil || s.Pid <= 0 || stat.Start != s.start || !strings.Contains(string(b), strconv.Itoa(s.Pid)) {
			t.Errorf("%s is said to live as %d: %v", b, s.Pid, err)
		}
	})
}
