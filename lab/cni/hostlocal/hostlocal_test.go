package hostlocal_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/cni/hostlocal"
)

// network reads a configuration whose directory is the test's own.
func network(t *testing.T, dir, ipam string) *hostlocal.Config {
	t.Helper()
	c, err := hostlocal.Read("lab", []byte(strings.Replace(ipam, "{", `{"dataDir": "`+dir+`", `, 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func owner(i int) hostlocal.Owner {
	return hostlocal.Owner{Container: fmt.Sprintf("c%d", i), IfName: "eth0"}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for ipam, want := range map[string]string{
		`{`:                          "ipam: unexpected end of JSON input",
		`{}`:                         `ipam: there is no range: "ranges": [[{"subnet": "10.66.0.0/24"}]]`,
		`{"subnet": "10.66.0.1/24"}`: `ipam.ranges[0]: subnet 10.66.0.1/24: the address of that network is 10.66.0.0/24`,
		`{"subnet": "10.66.0.0/31"}`: `ipam.ranges[0]: subnet 10.66.0.0/31 is too small to give addresses from`,
		`{"subnet": "10.66.0.0/24", "gateway": "10.67.0.1"}`:                             `ipam.ranges[0]: gateway 10.67.0.1 is not in subnet 10.66.0.0/24`,
		`{"subnet": "10.66.0.0/24", "rangeStart": "fd00::1"}`:                            `ipam.ranges[0]: rangeStart fd00::1 is not in subnet 10.66.0.0/24`,
		`{"subnet": "10.66.0.0/24", "rangeStart": "10.66.0.9", "rangeEnd": "10.66.0.8"}`: `ipam.ranges[0]: rangeEnd 10.66.0.8 comes before rangeStart 10.66.0.9`,
		`{"ranges": [[]]}`:   `ipam.ranges[0]: is empty`,
		`{"ranges": [[{}]]}`: `ipam.ranges[0]: a range has a subnet: {"subnet": "10.66.0.0/24"}`,
		`{"ranges": [[{"subnet": "10.66.0.0/24"}, {"subnet": "fd66::/64"}]]}`:                                                          `ipam.ranges[0]: 10.66.0.0/24 and fd66::/64 are not of one family: each has a range set of its own`,
		`{"ranges": [[{"subnet": "10.66.0.0/24", "rangeEnd": "10.66.0.9"}], [{"subnet": "10.66.0.0/24", "rangeStart": "10.66.0.9"}]]}`: `ipam: the ranges 10.66.0.1-10.66.0.9 and 10.66.0.9-10.66.0.254 have addresses in common`,
	} {
		if _, err := hostlocal.Read("lab", []byte(ipam), nil); err == nil || err.Error() != want {
			t.Errorf("%s:\n%v, want\n%s", ipam, err, want)
		}
	}
}

// TestTurns: an address that was given back rests until the others had their turn.
func TestTurns(t *testing.T) {
	t.Parallel()
	c := network(t, t.TempDir(), `{"subnet": "10.66.0.0/29", "gateway": "10.66.0.3"}`)
	var got []string
	for i := range 8 {
		given, err := c.Reserve(owner(i), nil)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(given[0].Prefix))
		if err := c.Release(owner(i)); err != nil {
			t.Fatal(err)
		}
	}
	want := "10.66.0.1/29 10.66.0.2/29 10.66.0.4/29 10.66.0.5/29 10.66.0.6/29 10.66.0.1/29 10.66.0.2/29 10.66.0.4/29"
	if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
		t.Error(diff)
	}
}

func TestRangeSets(t *testing.T) {
	t.Parallel()
	c := network(t, t.TempDir(), `{"ranges": [
		[{"subnet": "10.66.0.0/24", "rangeStart": "10.66.0.10", "rangeEnd": "10.66.0.11"}, {"subnet": "10.67.0.0/30"}],
		[{"subnet": "fd66::/64"}]]}`)
	var got []string
	for i := range 3 {
		if err := c.Room(); err != nil {
			t.Fatal(err)
		}
		given, err := c.Reserve(owner(i), nil)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(given))
	}
	want := []string{
		"[{10.66.0.10/24 10.66.0.1} {fd66::2/64 fd66::1}]",
		"[{10.66.0.11/24 10.66.0.1} {fd66::3/64 fd66::1}]",
		"[{10.67.0.2/30 10.67.0.1} {fd66::4/64 fd66::1}]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	const full = "every address is taken in [10.66.0.10-10.66.0.11 10.67.0.1-10.67.0.2]"
	_, err := c.Reserve(owner(3), nil)
	for _, err := range []error{err, c.Room()} {
		if !errors.Is(err, hostlocal.ErrExhausted) || err.Error() != full {
			t.Errorf("%v, want %s", err, full)
		}
	}
	if held, err := c.Held(owner(3)); len(held) > 0 || err != nil {
		t.Errorf("who got nothing holds %v, %v", held, err)
	}
}

func TestWanted(t *testing.T) {
	t.Parallel()
	c := network(t, t.TempDir(), `{"subnet": "10.66.0.0/24"}`)
	addr := netip.MustParseAddr
	given, err := c.Reserve(owner(0), []netip.Addr{addr("10.66.0.77")})
	if err != nil || given[0].Prefix.String() != "10.66.0.77/24" {
		t.Errorf("%v, %v", given, err)
	}
	for wanted, want := range map[string]string{
		"10.66.0.77": "10.66.0.77 belongs to eth0 of c0",
		"10.66.0.1":  "10.66.0.1 is the address of the gateway",
		"10.99.0.1":  "[10.99.0.1]: no range has this address, or another address of its range set was asked for, too",
	} {
		if _, err := c.Reserve(owner(1), []netip.Addr{addr(wanted)}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := c.Reserve(owner(0), nil); err == nil || err.Error() != "eth0 of c0 has the address 10.66.0.77 already" {
		t.Error(err)
	}
	if owners, err := c.Owners(); !cmp.Equal(owners, []hostlocal.Owner{owner(0)}) || err != nil {
		t.Errorf("%v, %v", owners, err)
	}
}

// TestNothing looks and releases where nothing was ever given.
func TestNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := network(t, dir, `{"subnet": "10.66.0.0/24"}`)
	held, herr := c.Held(owner(0))
	owners, oerr := c.Owners()
	if err := errors.Join(herr, oerr, c.Room(), c.Release(owner(0))); err != nil || len(held)+len(owners) > 0 {
		t.Errorf("%v, %v, %v", held, owners, err)
	}
	if files, err := os.ReadDir(dir); len(files) > 0 || err != nil {
		t.Errorf("made %v, %v", files, err)
	}
}

// TestHalfWritten: a nslab that was killed has not removed its draft, which is a
// reservation by another name.
func TestHalfWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := network(t, dir, `{"subnet": "10.66.0.0/24"}`)
	if _, err := c.Reserve(owner(0), nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(dir+"/lab/10.66.0.2", dir+"/lab/.new"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Reserve(owner(1), nil); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		held, err := c.Held(owner(i))
		if want := fmt.Sprintf("[10.66.0.%d]", i+2); fmt.Sprint(held) != want || err != nil {
			t.Errorf("c%d holds %v (%v), want %s", i, held, err, want)
		}
	}
}

func TestParallel(t *testing.T) {
	t.Parallel()
	c := network(t, t.TempDir(), `{"subnet": "10.66.0.0/25"}`)
	const n = 125
	var all sync.WaitGroup
	got := make([]string, n)
	for i := range n {
		all.Go(func() {
			given, err := c.Reserve(owner(i), nil)
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = given[0].Prefix.String()
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, a := range got {
		seen[a] = true
	}
	if len(seen) != n || !errors.Is(c.Room(), hostlocal.ErrExhausted) {
		t.Errorf("%d owners have %d addresses; room: %v", n, len(seen), c.Room())
	}
}

// TestTheOther takes turns with host-local itself in one directory.
func TestTheOther(t *testing.T) {
	t.Parallel()
	const program = "/usr/lib/cni/host-local"
	if _, err := os.Stat(program); err != nil {
		t.Skip(program, "is not installed")
	}
	dir := t.TempDir()
	const ipam = `{"subnet": "10.66.0.0/24"}`
	c := network(t, dir, ipam)
	other := func(command string, o hostlocal.Owner) string {
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env = []string{"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + o.Container, "CNI_NETNS=/x", "CNI_IFNAME=" + o.IfName, "CNI_PATH=/x"}
		cmd.Stdin = strings.NewReader(`{"cniVersion": "1.0.0", "name": "lab", "ipam": {"type": "host-local", "dataDir": "` + dir + `", "subnet": "10.66.0.0/24"}}`)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s %v: %v\n%s", command, o, err, out)
		}
		return string(out)
	}
	if out := other("ADD", owner(0)); !strings.Contains(out, `"10.66.0.2/24"`) {
		t.Error(out)
	}
	if given, err := c.Reserve(owner(1), nil); err != nil || given[0].Prefix.String() != "10.66.0.3/24" {
		t.Errorf("%v, %v", given, err)
	}
	if out := other("ADD", owner(2)); !strings.Contains(out, `"10.66.0.4/24"`) {
		t.Error(out)
	}
	if held, err := c.Held(owner(0)); len(held) != 1 || err != nil {
		t.Errorf("held: %v, %v", held, err)
	}
	if err := c.Release(owner(0)); err != nil {
		t.Error(err)
	}
	other("CHECK", owner(1))
	other("DEL", owner(1))
	other("DEL", owner(2))
	if left, err := filepath.Glob(dir + "/lab/10.*"); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}
