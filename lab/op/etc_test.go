package op_test

import (
	"os"
	"strings"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

// TestEtcFollowsNoLink: where somebody has laid a symbolic link, on any part of
// the way, nothing is read, written or removed.
func TestEtcFollowsNoLink(t *testing.T) {
	kerneltest.Need(t)
	writableEtc(t)
	o := op.Hosts{NS: "sly", Lines: "10.9.0.2 web\n"}
	victim := t.TempDir()
	const own = "somebody's own\n"
	for _, c := range []struct{ link, to string }{
		{op.EtcDir, victim}, {op.EtcDir + "/sly", victim}, {op.EtcDir + "/sly/hosts", victim + "/hosts"},
	} {
		if err := os.RemoveAll(op.EtcDir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(victim+"/hosts", []byte(own), 0o600); err != nil {
			t.Fatal(err)
		}
		if dir := c.link[:strings.LastIndexByte(c.link, '/')]; dir != "/etc" {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(c.to, c.link); err != nil {
			t.Fatal(err)
		}
		k, was := remembering("sly")
		k.Dir = t.TempDir()
		want := c.link + " is a symbolic link, which nslab does not follow"
		if _, err := o.Before(k); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Before: %v, want %s", err, want)
		}
		was[o] = "-"
		if err := o.Do(k); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Do: %v, want %s", err, want)
		}
		if diff, err := o.Diff(k); err != nil || !strings.HasPrefix(diff, want) {
			t.Errorf("Diff: %q %v, want %s", diff, err, want)
		}
		undo(t, k, o)
		if to, err := os.Readlink(c.link); err != nil || to != c.to {
			t.Errorf("the link is %q, %v", to, err)
		}
		entries, err := os.ReadDir(victim)
		if err != nil || len(entries) != 1 {
			t.Errorf("where the link leads there is %v, %v", entries, err)
		}
		if text, err := os.ReadFile(victim + "/hosts"); err != nil || string(text) != own {
			t.Errorf("the file reads %q, %v", text, err)
		}
	}
	if err := os.RemoveAll(op.EtcDir); err != nil {
		t.Fatal(err)
	}
}
