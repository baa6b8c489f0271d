package op

import (
	"fmt"
	"maps"
	"slices"

	"github.com/vishvananda/netlink"

	"nslab/topology"
)

// Macvlan is a further interface on the wire of another one, its parent, with
// an address of its own: ip-link(8), type macvlan.
type Macvlan struct {
	child
	Mode string
}

// macvlanModes says who on the same parent may talk to whom.
var macvlanModes = map[string]netlink.MacvlanMode{
	"bridge":   netlink.MACVLAN_MODE_BRIDGE,
	"passthru": netlink.MACVLAN_MODE_PASSTHRU,
	"private":  netlink.MACVLAN_MODE_PRIVATE,
	"vepa":     netlink.MACVLAN_MODE_VEPA,
}

func readMacvlan(l topology.Link, ends []device, args *topology.Args) Op {
	mode := args.OneOf("mode", "bridge", slices.Sorted(maps.Keys(macvlanModes))...)
	c, ok := readChild(l, ends, args)
	if !ok {
		return nil
	}
	if mode == "passthru" && c.MAC != "" {
		args.Complain(l.Ends[0].MAC.Pos, "in mode passthru the child has the MAC address of its parent: leave `mac` out")
	}
	return Macvlan{child: c, Mode: mode}
}

// Do makes the interface.
func (m Macvlan) Do(k *Kernel) error {
	return m.add(k, func(a netlink.LinkAttrs) netlink.Link {
		return &netlink.Macvlan{LinkAttrs: a, Mode: macvlanModes[m.Mode]}
	})
}

// Undo removes it; the parent stays.
func (m Macvlan) Undo(k *Kernel) error { return m.del(k, "macvlan") }

// Diff checks that the interface is there, and its mode.
func (m Macvlan) Diff(k *Kernel) (string, error) {
	if diff, err := m.diff(k, "macvlan"); diff != "" || err != nil {
		return diff, err
	}
	own, err := look(k, m.device)
	if v, ok := own.(*netlink.Macvlan); ok && v.Mode != macvlanModes[m.Mode] {
		return fmt.Sprintf("%s %s is not in mode %s", m.Name, place(m.NS), m.Mode), nil
	}
	return "", err
}

// Command is ip link add link PARENT ... type macvlan.
func (m Macvlan) Command() Command { return m.command("macvlan", "mode", m.Mode) }

// Inverse is ip link del.
func (m Macvlan) Inverse() Command { return m.inverse() }

func (m Macvlan) String() string {
	return fmt.Sprintf("macvlan %s %s on %s:%s", m.Name, place(m.NS), m.Parent.NS, m.Parent.Name)
}
