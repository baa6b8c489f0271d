package hostlocal_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"nslab/lab/cni/hostlocal"
)

// FuzzRead gives addresses out of any configuration that is accepted, over a
// directory in which somebody else has written: what is given is in the ranges,
// was not held by anybody, is the owner's afterwards, and can be given back.
func FuzzRead(f *testing.F) {
	f.Add(`{"subnet":"10.66.0.0/24"}`, "10.66.0.2", "c\r\neth0", "10.66.0.7")
	f.Add(`{"ranges":[[{"subnet":"10.66.0.0/30","gateway":"10.66.0.2"}],[{"subnet":"fd00::/64","rangeStart":"fd00::9"}]]}`, "fd00::9", "c", "nothing")
	f.Add(`{"ranges":[[{"subnet":"255.255.255.252/30","rangeStart":"255.255.255.254"}]]}`, "lock", "\n\n", "255.255.255.254")
	f.Add(`{"subnet":"::/0","rangeStart":"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}`, "::1", "", "")
	f.Add(`{"ranges":[null,[],[{}]],"routes":[{}]}`, "", "", "")
	f.Fuzz(func(t *testing.T, ipam, name, owner, last string) {
		c, err := hostlocal.Read("net", []byte(ipam), nil)
		if err != nil {
			return
		}
		c.DataDir = t.TempDir()
		leave(t, filepath.Join(c.DataDir, "net"), map[string]string{filepath.Base(name): owner, "last_reserved_ip.0": last})
		before, err := c.Owners()
		if err != nil {
			return
		}
		me := hostlocal.Owner{Container: "me", IfName: "eth0"}
		if slices.ContainsFunc(before, func(o hostlocal.Owner) bool { return o.Container == me.Container }) {
			return
		}
		given(t, c, me, filepath.Base(name))
		if after, err := c.Owners(); err != nil || !slices.Equal(before, after) {
			t.Errorf("%v had addresses, now %v (%v)", before, after, err)
		}
	})
}

// leave writes files into a directory, as far as they can have such a name.
func leave(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		_ = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) // "." and long names are none
	}
}

// given reserves and releases.
func given(t *testing.T, c *hostlocal.Config, me hostlocal.Owner, taken string) {
	t.Helper()
	out, err := c.Reserve(me, nil)
	if errors.Is(err, hostlocal.ErrExhausted) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	held, _ := netip.ParseAddr(taken)
	for i, a := range out {
		in := slices.ContainsFunc(c.Ranges[i], func(r hostlocal.Range) bool {
			return r.Subnet.Contains(a.Prefix.Addr()) && !a.Prefix.Addr().Less(r.Start) && !r.End.Less(a.Prefix.Addr()) && a.Prefix.Addr() != r.Gateway
		})
		if !in || a.Prefix.Addr() == held {
			t.Errorf("%s was given out of %v", a.Prefix, c.Ranges[i])
		}
	}
	if mine, err := c.Held(me); err != nil || len(mine) != len(out) {
		t.Errorf("%v were given, %v are held (%v)", out, mine, err)
	}
	if err := c.Release(me); err != nil {
		t.Error(err)
	}
}
