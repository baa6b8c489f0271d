package op

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/topology"
)

// forAll is the address that stands for all that a vxlan does not know.
const forAll = "00:00:00:00:00:00"

// FDB is the fact that a vxlan sends the frames for a MAC address to another
// end of the tunnel: a permanent entry of its forwarding database, bridge(8).
type FDB struct {
	NS, Dev string
	MAC     string
	Dst     netip.Addr
}

func (f FDB) netlink(l netlink.Link) *netlink.Neigh {
	mac, _ := net.ParseMAC(f.MAC) // the file was checked
	return &netlink.Neigh{
		LinkIndex: l.Attrs().Index, Family: unix.AF_BRIDGE, Flags: netlink.NTF_SELF, State: netlink.NUD_PERMANENT,
		HardwareAddr: mac, IP: f.Dst.AsSlice(),
	}
}

func (f FDB) on(k *Kernel, do func(*netlink.Handle, netlink.Link) error) error {
	return k.on(f.NS, f.Dev, do)
}

// Do sets the entry, in the place of one that was learnt. Only frames for all may
// go to several ends: of a second one for another address the kernel takes no
// notice (vxlan_fdb_update in drivers/net/vxlan).
func (f FDB) Do(k *Kernel) error {
	return f.on(k, func(h *netlink.Handle, l netlink.Link) error {
		if f.MAC == forAll {
			return h.NeighAppend(f.netlink(l))
		}
		return h.NeighSet(f.netlink(l))
	})
}

// Undo deletes it.
func (f FDB) Undo(k *Kernel) error {
	if diff, err := f.Diff(k); diff != "" || err != nil {
		return gone(err)
	}
	return gone(f.on(k, func(h *netlink.Handle, l netlink.Link) error { return h.NeighDel(f.netlink(l)) }))
}

// Diff looks for the entry.
func (f FDB) Diff(k *Kernel) (diff string, err error) {
	err = f.on(k, func(h *netlink.Handle, l netlink.Link) error {
		have, err := h.NeighList(l.Attrs().Index, unix.AF_BRIDGE)
		if err == nil && !f.among(have) {
			diff = fmt.Sprintf("%s %s does not send frames for %s to %s", f.Dev, place(f.NS), f.MAC, f.Dst)
		}
		return err
	})
	if err != nil {
		return missing(f.Dev+" "+place(f.NS), err)
	}
	return diff, nil
}

func (f FDB) among(have []netlink.Neigh) bool {
	want := f.netlink(&netlink.Dummy{})
	for _, e := range have {
		if bytes.Equal(e.HardwareAddr, want.HardwareAddr) && e.IP.Equal(want.IP) && e.State&netlink.NUD_PERMANENT != 0 {
			return true
		}
	}
	return false
}

// Command is bridge fdb replace, or append for all.
func (f FDB) Command() Command {
	if f.MAC == forAll {
		return f.words("append")
	}
	return f.words("replace")
}

// Inverse is bridge fdb del.
func (f FDB) Inverse() Command { return f.words("del") }

func (f FDB) words(verb string) Command {
	c := Command{"bridge"}
	if f.NS != topology.Host {
		c = append(c, "-n", f.NS)
	}
	return append(c, "fdb", verb, f.MAC, "dev", f.Dev, "dst", f.Dst.String())
}

func (f FDB) String() string {
	return fmt.Sprintf("%s %s sends frames for %s to %s", f.Dev, place(f.NS), f.MAC, f.Dst)
}

// On is the interface.
func (f FDB) On() []Object { return []Object{Dev(f.NS, f.Dev)} }
