package netns_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/netns"
)

func open(t *testing.T, name string) *netns.NS {
	t.Helper()
	kerneltest.Namespace(t, name)
	n, err := netns.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// Two hundred at once are all inside, and afterwards nobody is lost.
func TestDo(t *testing.T) {
	kerneltest.Need(t)
	home := where()
	n := open(t, "crowd")
	want := fmt.Sprintf("net:[%d]", inode(t, "crowd"))
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			err := n.Do(func() error {
				runtime.Gosched()
				if got := where(); got != want {
					return fmt.Errorf("in %s, want %s", got, want)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, _ := os.Readlink("/proc/self/ns/net"); got != home {
		t.Errorf("the process is in %s, was in %s", got, home)
	}
	if lost := strays(t, 200); lost != 0 {
		t.Errorf("%d of 200 goroutines are in the wrong namespace", lost)
	}
}

// A Do inside a Do is in the inner namespace, and then in the outer one again.
func TestDoNested(t *testing.T) {
	kerneltest.Need(t)
	a, b := open(t, "outer"), open(t, "inner")
	var got []string
	see := func() { got = append(got, where()) }
	err := a.Do(func() error {
		see()
		defer see()
		return b.Do(func() error { see(); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	oi, ii := inode(t, "outer"), inode(t, "inner")
	want := fmt.Sprintf("[net:[%d] net:[%d] net:[%d]]", oi, ii, oi)
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestCurrentInside(t *testing.T) {
	kerneltest.Need(t)
	n := open(t, "here")
	var got uint64
	err := n.Do(func() error {
		c, err := netns.Current()
		if err != nil {
			return err
		}
		defer c.Close()
		_, got, err = c.ID()
		return err
	})
	if want := inode(t, "here"); err != nil || got != want {
		t.Errorf("Current is %d (%v), want %d", got, err, want)
	}
}

func TestDoReturnsTheError(t *testing.T) {
	kerneltest.Need(t)
	n := open(t, "sad")
	boom := errors.New("boom")
	if err := n.Do(func() error { return boom }); !errors.Is(err, boom) {
		t.Errorf("got %v, want %v", err, boom)
	}
}

// t.Fatal inside a namespace ends the wrong goroutine; Do must not hang, nor
// say that all went well, nor lose the thread.
func TestDoGoexit(t *testing.T) {
	kerneltest.Need(t)
	n := open(t, "exit")
	err := n.Do(func() error { runtime.Goexit(); return nil })
	if err == nil || !strings.HasPrefix(err.Error(), "function did not return") {
		t.Errorf("got %v", err)
	}
	if lost := strays(t, 100); lost != 0 {
		t.Errorf("%d of 100 goroutines are in the wrong namespace", lost)
	}
}

func TestStart(t *testing.T) {
	kerneltest.Need(t)
	n := open(t, "child")
	var out strings.Builder
	cmd := exec.Command("readlink", "/proc/self/ns/net")
	cmd.Stdout = &out
	if err := n.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("net:[%d]\n", inode(t, "child")); out.String() != want {
		t.Errorf("the child is in %q, want %q", out.String(), want)
	}
}

func BenchmarkDo(b *testing.B) {
	kerneltest.Need(b)
	kerneltest.Namespace(b, "bench")
	n, err := netns.Open("bench")
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	for b.Loop() {
		if err := n.Do(func() error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
