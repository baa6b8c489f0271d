package lab_test

import (
	"os"
	"path/filepath"
	"testing"

	"nslab/lab"
	"nslab/lab/kerneltest"
)

// A lab that is applied again and again keeps a journal of bounded size, which
// still knows everything.
func TestJournalStaysShort(t *testing.T) {
	kerneltest.Need(t)
	p := scenario(t, "bridge")
	dir := t.TempDir()
	before := fingerprint(t)
	largest := int64(0)
	for range 60 {
		l := open(t, dir, p.Name())
		for _, to := range []string{p.Stages[0].Name.Text, p.Stages[2].Name.Text} {
			if _, err := l.Apply(t.Context(), p, lab.Options{To: to, NoVerify: true}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		fi, err := os.Stat(filepath.Join(dir, p.Name(), "journal"))
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, fi.Size())
	}
	if largest > 300<<10 {
		t.Errorf("the journal grew to %d bytes", largest)
	}
	l := open(t, dir, p.Name())
	if drift, err := l.Status(); err != nil || len(drift) > 0 {
		t.Errorf("status: %v %v", drift, err)
	}
	if err := l.Destroy(nil); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if after := fingerprint(t); before != after {
		t.Errorf("left behind:\n%s", after)
	}
}
