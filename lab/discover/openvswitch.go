package discover

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"nslab/topology"
)

// openVSwitch is the kind of an interface that is the host's place at a bridge of
// Open vSwitch, whichever way the frames go there.
const openVSwitch = "openvswitch"

// datapaths are the interfaces that the switch has for itself, ovs-vswitchd(8).
var datapaths = []string{"ovs-netdev", "ovs-system"}

// isSwitch says whether other interfaces may be ports of this one.
func (i *Interface) isSwitch() bool { return i.Kind == "bridge" || i.Kind == openVSwitch }

// readOpenVSwitch asks a switch of which the kernel knows nothing for its
// bridges and their ports.
func (n *Namespace) readOpenVSwitch(ctx context.Context, proc string) {
	for _, p := range n.Processes {
		if p.Comm != "ovs-vswitchd" {
			continue
		}
		tables, err := askOVSDB(ctx, proc, p.Pid)
		if err != nil {
			n.miss("what is plugged into Open vSwitch, which ovs-vsctl show tells: %v", err)
			continue
		}
		n.plugOpenVSwitch(tables)
	}
}

// plugOpenVSwitch says of the interfaces which are bridges, and which are ports.
// The bridge itself is among its ports.
func (n *Namespace) plugOpenVSwitch(t ovsTables) {
	for _, name := range datapaths {
		if i := n.Interface(name); i != nil {
			i.datapath = true
		}
	}
	for _, b := range t.Bridges {
		bridge := n.Interface(b.Name)
		if bridge == nil || !slices.Contains([]string{"tuntap", openVSwitch}, bridge.Kind) {
			n.miss("the bridge %s of Open vSwitch: it has no interface here", topology.Quote(b.Name))
			continue
		}
		bridge.Kind = openVSwitch // as the module of the kernel calls it
		for _, id := range b.Ports {
			port := t.Ports[id]
			for _, id := range port.Interfaces {
				n.plugPort(bridge, port, t.Interfaces[id])
			}
		}
	}
}

func (n *Namespace) plugPort(bridge *Interface, port, row ovsRow) {
	i := n.Interface(row.Name)
	switch {
	case i == bridge:
	case i == nil || i.isSwitch():
		n.miss("what is behind %s, a port of the Open vSwitch %s (%s)",
			topology.Quote(row.Name), topology.Quote(bridge.Name), topology.Quote(cmp.Or(row.Type, "system")))
	default:
		i.Master = bridge.Name
		i.Tag = strings.Join(port.Tag, " ")
	}
}

// miss notes once what could not be looked at: a switch may be two processes,
// the second to start the first again.
func (n *Namespace) miss(format string, args ...any) {
	if u := fmt.Sprintf(format, args...); !slices.Contains(n.Unseen, u) {
		n.Unseen = append(n.Unseen, u)
	}
}
