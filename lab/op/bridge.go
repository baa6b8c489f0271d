package op

import (
	"context"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"nslab/topology"
)

// Bridge is a switch, a Linux bridge without spanning tree unless asked for.
// Its MTU is a fact of its own, MTU; it stands here because a bridge that was
// given one cannot go back to that of its ports: another MTU is another bridge.
type Bridge struct {
	device
	STP bool
}

// Do makes the bridge. Its address is given at creation: a bridge without one
// of its own takes the lowest of its ports and changes it with them.
func (b Bridge) Do(k *Kernel) error {
	return taken(k, k.In(b.NS, func(h *netlink.Handle) error {
		a := b.attrs(k)
		a.MTU = 0
		if err := h.LinkAdd(&netlink.Bridge{LinkAttrs: a}); err != nil || !b.STP {
			return err
		}
		return b.setSTP(h)
	}), b.device)
}

// forwardDelay is the shortest that spanning tree allows, in hundredths of a
// second: a port listens and learns for twice as long before it forwards.
const forwardDelay = 200

// setSTP switches spanning tree on, which the library cannot.
func (b Bridge) setSTP(h *netlink.Handle) error {
	l, err := h.LinkByName(b.Name)
	if err != nil {
		return err
	}
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(l.Attrs().Index)
	req.AddData(msg)
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
	data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
	data.AddRtAttr(nl.IFLA_BR_FORWARD_DELAY, nl.Uint32Attr(forwardDelay))
	data.AddRtAttr(nl.IFLA_BR_STP_STATE, nl.Uint32Attr(1))
	req.AddData(info)
	_, err = req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// Undo removes the bridge; its ports stay.
func (b Bridge) Undo(k *Kernel) error { return b.del(k, "bridge") }

// Diff checks that the bridge is there, and its spanning tree.
func (b Bridge) Diff(k *Kernel) (string, error) {
	if diff, err := b.diff(k, "bridge"); diff != "" || err != nil {
		return diff, err
	}
	var on bool
	err := k.In(b.NS, func(h *netlink.Handle) error {
		l, err := h.LinkByName(b.Name)
		if err != nil {
			return err
		}
		v, err := linkAttribute(l.Attrs().Index, unix.IFLA_LINKINFO, nl.IFLA_INFO_DATA, nl.IFLA_BR_STP_STATE)
		on = len(v) > 0 && v[0] != 0
		return err
	})
	if err == nil && on != b.STP {
		return fmt.Sprintf("%s has spanning tree %s", b.Name, map[bool]string{true: "on", false: "off"}[on]), nil
	}
	return "", err
}

// Wait returns when the bridge carries packets, which it does from its first
// live port on.
func (b Bridge) Wait(ctx context.Context, k *Kernel) error {
	return Up{b.NS, b.Name}.Wait(ctx, k)
}

// Command is ip link add ... type bridge.
func (b Bridge) Command() Command {
	b.MTU = 0
	if b.STP {
		return b.add("bridge", "forward_delay", fmt.Sprint(forwardDelay), "stp_state", "1")
	}
	return b.add("bridge")
}

// Inverse is ip link del.
func (b Bridge) Inverse() Command { return b.inverse() }

func (b Bridge) String() string { return fmt.Sprintf("bridge %s %s", b.Name, place(b.NS)) }

// Master is the fact that an interface is a port of a bridge.
type Master struct{ NS, Dev, Bridge string }

// Do puts the port in.
func (m Master) Do(k *Kernel) error {
	return k.In(m.NS, func(h *netlink.Handle) error {
		port, err := h.LinkByName(m.Dev)
		if err != nil {
			return err
		}
		bridge, err := h.LinkByName(m.Bridge)
		if err != nil {
			return err
		}
		return h.LinkSetMaster(port, bridge)
	})
}

// Undo takes it out.
func (m Master) Undo(k *Kernel) error {
	if diff, err := m.Diff(k); diff != "" || err != nil {
		return gone(err)
	}
	return gone(k.In(m.NS, func(h *netlink.Handle) error {
		port, err := h.LinkByName(m.Dev)
		if err != nil {
			return err
		}
		return h.LinkSetNoMaster(port)
	}))
}

// Diff asks the port for its master.
func (m Master) Diff(k *Kernel) (diff string, err error) {
	err = k.In(m.NS, func(h *netlink.Handle) error {
		port, err := h.LinkByName(m.Dev)
		if err != nil {
			return err
		}
		bridge, err := h.LinkByName(m.Bridge)
		if err != nil {
			return err
		}
		if port.Attrs().MasterIndex != bridge.Attrs().Index {
			diff = fmt.Sprintf("%s is not a port of %s", m.Dev, m.Bridge)
		}
		return nil
	})
	if err != nil {
		return missing(m.Dev+" or "+m.Bridge+" "+place(m.NS), err)
	}
	return diff, nil
}

// Command is ip link set ... master.
func (m Master) Command() Command { return ipLink(m.NS, "set", m.Dev, "master", m.Bridge) }

// Inverse is ip link set ... nomaster.
func (m Master) Inverse() Command { return ipLink(m.NS, "set", m.Dev, "nomaster") }

func (m Master) String() string { return fmt.Sprintf("%s is a port of %s", m.Dev, m.Bridge) }

// On is the port and the bridge.
func (m Master) On() []Object { return []Object{Dev(m.NS, m.Dev), Dev(m.NS, m.Bridge)} }

// NewBridge is the fact that a bridge of the file means.
func NewBridge(b *topology.Bridge) Bridge {
	return Bridge{device: device{NS: b.In.Text, Name: b.Name.Text, MAC: b.MAC.Text, MTU: b.MTU}, STP: b.STP}
}
