package netns

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	const tail = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20"
	for text, want := range map[string]Process{
		"7 (sleep) S" + tail:              {'S', 4711},
		"7 (a) Z 1 2) T (b) T" + tail:     {'T', 4711},
		"7 (new\nline (with) x) R" + tail: {'R', 4711},
	} {
		if got, err := parseStat(text); got != want || err != nil {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "7 (sleep) S 1 2", "7 (sleep) S" + strings.Repeat(" x", 30)} {
		if got, err := parseStat(text); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}

func TestShift(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"": 0,
		"monotonic           7         0\nboottime            0         0\n": 0,
		"monotonic           0         0\nboottime       100000 250000000\n": 10000025,
		"monotonic           0         0\nboottime          -60         0\n": -6000,
	} {
		if got := int64(shiftOf(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// A process has one start, whatever time namespace asks for it.
func TestProcessFromAnotherTime(t *testing.T) {
	if os.Getenv("NSLAB_TEST_TIME") != "" {
		showParent(t)
		return
	}
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("needs unshare: ", err)
	}
	want, err := ProcessOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for _, seconds := range []string{"0", "100000"} {
		cmd := exec.CommandContext(t.Context(), "unshare", "-U", "-r", "--time", "--boottime", seconds, "--fork",
			executable(t), "-test.run=^TestProcessFromAnotherTime$", "-test.v")
		cmd.Env = append(os.Environ(), "NSLAB_TEST_TIME="+strconv.Itoa(os.Getpid()))
		out, err := cmd.CombinedOutput()
		if err != nil && strings.Contains(string(out), "unshare: ") {
			t.Skipf("needs time namespaces: %s", out)
		}
		if line := "start " + strconv.FormatUint(want.Start, 10) + "\n"; err != nil || !strings.Contains(string(out), line) {
			t.Errorf("%s seconds later: %v, want %q:\n%s", seconds, err, line, out)
		}
	}
}

func showParent(t *testing.T) {
	t.Helper()
	pid, err := strconv.Atoi(os.Getenv("NSLAB_TEST_TIME"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := ProcessOf(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("start %d", p.Start)
}

func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNoProcess(t *testing.T) {
	t.Parallel()
	if p, err := ProcessOf(1 << 30); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, %v, want fs.ErrNotExist", p, err)
	}
}
