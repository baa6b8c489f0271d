package op

import (
	"fmt"

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

// forwardDelay is the shortest that spanning tree allows, in hundredths of a
// second: a port listens and learns for twice as long before it forwards.
const forwardDelay = 200

// requests is one. The address is given at creation: a bridge without one of
// its own takes the lowest of its ports and changes it with them.
func (b Bridge) requests(k *Kernel) ([]request, error) {
	return []request{b.request(k, k.newIndex(b.NS, b.Name, 0))}, nil
}

func (b Bridge) request(k *Kernel, index int) request {
	info := message{}.text(unix.IFLA_INFO_KIND, "bridge")
	if b.STP {
		stp := message{}.number(unix.IFLA_BR_FORWARD_DELAY, forwardDelay).number(unix.IFLA_BR_STP_STATE, 1)
		info = info.nest(unix.IFLA_INFO_DATA, stp)
	}
	body := b.begin(k, index, 0).nest(unix.IFLA_LINKINFO, info)
	return request{kind: unix.RTM_NEWLINK, flags: unix.NLM_F_CREATE | unix.NLM_F_EXCL, body: body}
}

func (b Bridge) at() string { return b.NS }

// Do makes the bridge. The index that we would like may be another's.
func (b Bridge) Do(k *Kernel) error {
	err := k.ask(b)
	if err == nil {
		return nil
	}
	k.unmade(b.device)
	if err = taken(k, err, b.device); err == unix.EEXIST { //nolint:errorlint // not the name: the index
		err = k.send(b.NS, b.request(k, 0))
	}
	return err
}

// Undo removes the bridge; its ports stay.
func (b Bridge) Undo(k *Kernel) error { return b.del(k, "bridge") }

// Diff checks that the bridge is there, and its spanning tree.
func (b Bridge) Diff(k *Kernel) (string, error) {
	if diff, err := b.diff(k, "bridge"); diff != "" || err != nil {
		return diff, err
	}
	l, err := k.link(b.NS, b.Name)
	if err == nil && l.stp != b.STP {
		return fmt.Sprintf("%s has spanning tree %s", b.Name, map[bool]string{true: "on", false: "off"}[l.stp]), nil
	}
	return "", err
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

func (m Master) at() string { return m.NS }

func (m Master) requests(k *Kernel) ([]request, error) {
	bridge, err := k.index(m.NS, m.Bridge)
	return []request{m.request(bridge)}, err
}

// request makes the interface a port of the bridge with the index, of none when it is 0.
func (m Master) request(bridge int) request {
	return change(linkNamed(m.Dev, 0, 0).number(unix.IFLA_MASTER, bridge))
}

// Do puts the port in.
func (m Master) Do(k *Kernel) error { return k.ask(m) }

// Undo takes it out.
func (m Master) Undo(k *Kernel) error {
	if diff, err := m.Diff(k); diff != "" || err != nil {
		return gone(err)
	}
	return gone(k.send(m.NS, m.request(0)))
}

// Diff asks the port for its master.
func (m Master) Diff(k *Kernel) (string, error) {
	port, err := k.link(m.NS, m.Dev)
	if err == nil {
		_, err = k.link(m.NS, m.Bridge)
	}
	if err != nil {
		return missing(m.Dev+" or "+m.Bridge+" "+place(m.NS), err)
	}
	if bridge, _ := k.link(m.NS, m.Bridge); port.master != bridge.index {
		return fmt.Sprintf("%s is not a port of %s", m.Dev, m.Bridge), nil
	}
	return "", nil
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
