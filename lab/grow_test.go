package lab_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"runtime"
	"testing"

	"nslab/lab"
	"nslab/lab/kerneltest"
)

var soaks = flag.Int("soaks", 10, "TestNothingGrows: how many `times` the lecture is built and taken down (make soak)")

// TestNothingGrows builds the lecture and takes it down again and again in one
// process, as a server would that uses this package. In the end it has as many
// open files, goroutines and mounts as after the first rounds, and no more memory.
func TestNothingGrows(t *testing.T) {
	kerneltest.Need(t)
	const warm = 3 // rounds in which caches and pools fill
	p, dir := scenario(t, "red-blue"), t.TempDir()+"/labs"
	var before size
	for round := range warm + *soaks {
		if round == warm {
			before = measure(t)
		}
		l := open(t, dir, p.Name())
		_, err := l.Apply(t.Context(), p, lab.Options{NoVerify: true})
		if err := errors.Join(err, l.Destroy(nil), l.Close()); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	after := measure(t)
	const noise = 1 << 20
	if after.files > before.files || after.goroutines > before.goroutines || after.mounts > before.mounts || after.heap > before.heap+noise {
		t.Errorf("before %+v, after %d rounds %+v", before, *soaks, after)
	}
	t.Logf("before %+v, after %d rounds %+v", before, *soaks, after)
}

// size is what a process can grow in.
type size struct {
	files, goroutines, mounts int
	heap                      uint64 // bytes that are reachable
}

func measure(t *testing.T) size {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	mounts, merr := os.ReadFile("/proc/self/mountinfo")
	if err := errors.Join(err, merr); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return size{len(files), runtime.NumGoroutine(), bytes.Count(mounts, []byte("\n")), m.HeapAlloc}
}
