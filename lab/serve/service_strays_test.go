package serve_test

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A service outlives nslab and whoever called it. What that one had open, such
// as the pipe or the lock of a script, must not stay open with the service.
func TestServiceInheritsNothing(t *testing.T) {
	k := newKernel(t)
	for _, s := range services() {
		t.Run(s.String(), func(t *testing.T) {
			var p [2]int
			if err := unix.Pipe2(p[:], 0); err != nil { // not close-on-exec, as a shell has it
				t.Fatal(err)
			}
			defer unix.Close(p[0])
			err := s.Do(k)
			unix.Close(p[1])
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Undo(k); err != nil {
					t.Error(err)
				}
			}()
			end := []unix.PollFd{{Fd: int32(p[0]), Events: unix.POLLIN}}
			if n, err := unix.Poll(end, 5000); err != nil || n != 1 {
				t.Errorf("the service keeps a pipe open that its starter had inherited (%v)", err)
			}
		})
	}
}
