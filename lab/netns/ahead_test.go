package netns_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/netns"
)

const crowd = 40

// announce names the first few of those that were announced.
func announce(n, asked int) error {
	return netns.Stay(func(t *netns.Thread) error {
		defer t.Ahead(n)()
		for i := range asked {
			if err := t.Create(fmt.Sprintf("ahead-%d", i), nil); err != nil {
				return err
			}
		}
		return nil
	})
}

func deleteAhead(t *testing.T) {
	t.Helper()
	for i := range crowd {
		if err := netns.Delete(fmt.Sprintf("ahead-%d", i)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}
}

// Who announces namespaces gets as many, each another one, and loses nobody.
func TestAhead(t *testing.T) {
	kerneltest.Need(t)
	defer deleteAhead(t)
	before := descriptors(t)
	if err := announce(crowd, crowd); err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]string{}
	for i := range crowd {
		name := fmt.Sprintf("ahead-%d", i)
		id := inode(t, name)
		if other, twice := seen[id]; twice {
			t.Errorf("%s and %s are one namespace", other, name)
		}
		seen[id] = name
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors are open, %d were", after, before)
	}
	if lost := strays(t, 100); lost != 0 {
		t.Errorf("%d of 100 goroutines are in the wrong namespace", lost)
	}
}

// All are born alike, from the namespace that the caller is in: here, with a table
// of connections of their own, which those of theirs would not have.
func TestAheadBornAlike(t *testing.T) {
	kerneltest.Need(t)
	defer deleteAhead(t)
	const children, own = "/proc/sys/net/ipv4/tcp_child_ehash_entries", "/proc/sys/net/ipv4/tcp_ehash_entries"
	set := func(entries string) error { return os.WriteFile(children, []byte(entries), 0) }
	if err := set("256"); errors.Is(err, os.ErrNotExist) {
		t.Skip("this kernel has one table of connections for all namespaces")
	} else if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := set("0"); err != nil {
			t.Error(err)
		}
	}()
	if err := announce(crowd, crowd); err != nil {
		t.Fatal(err)
	}
	for i := range crowd {
		name := fmt.Sprintf("ahead-%d", i)
		n, err := netns.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		err = n.Do(func() error {
			got, err := os.ReadFile(own)
			if strings.TrimSpace(string(got)) != "256" {
				t.Errorf("%s has a table of %s", name, got)
			}
			return err
		})
		if err := errors.Join(err, n.Close()); err != nil {
			t.Error(err)
		}
	}
}

// What was announced and not taken is gone when stop returns.
func TestAheadNotTaken(t *testing.T) {
	kerneltest.Need(t)
	defer deleteAhead(t)
	before := descriptors(t)
	for _, asked := range []int{0, 1, crowd / 2} {
		if err := announce(crowd, asked); err != nil {
			t.Fatal(err)
		}
		if names, err := netns.List(); len(names) != asked || err != nil {
			t.Errorf("asked for %d, there are %v (%v)", asked, names, err)
		}
		if after := descriptors(t); after != before {
			t.Errorf("%d descriptors are open, %d were", after, before)
		}
		deleteAhead(t)
	}
}

// Where the kernel makes no more, Create says so, and nobody waits.
func TestAheadRefused(t *testing.T) {
	kerneltest.Need(t)
	cmd := exec.Command("/proc/self/exe", scarce)
	cmd.SysProcAttr = netns.Machine(true)
	out, err := cmd.CombinedOutput()
	if want := unix.ENOSPC.Error(); err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%s(%v), want: %s", out, err, want)
	}
}

// scarce is the argument of this program when it is to run few.
const scarce = "scarce"

// few asks for more namespaces than its user namespace allows, see namespaces(7).
func few() error {
	err := errors.Join(
		unix.Mount("tmpfs", "/run", "tmpfs", 0, ""), // the names that it leaves are for nobody
		os.WriteFile("/proc/sys/user/max_net_namespaces", []byte("20"), 0))
	if err != nil {
		return err
	}
	return announce(crowd, crowd)
}

func descriptors(t *testing.T) int {
	t.Helper()
	runtime.GC() // closes what other tests have left open
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}
