package op

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// defaultMTU is that of Ethernet, which every new veth and bridge has.
const defaultMTU = 1500

// MTU is the fact that a bridge has a largest packet of its own. A bridge that
// was only created with one loses it to the smallest of its ports; one that it
// is given later stays (net/bridge/br_if.c, br_mtu_auto_adjust).
type MTU struct {
	NS, Dev string
	MTU     int
}

func (m MTU) at() string { return m.NS }

// requests are two: the kernel takes no note of a value that the bridge has
// already. The first may be too small for any interface.
func (m MTU) requests(*Kernel) ([]request, error) {
	other := m.request(m.MTU - 1)
	other.spare = true
	return []request{other, m.request(m.MTU)}, nil
}

func (m MTU) request(mtu int) request {
	return change(linkNamed(m.Dev, 0, 0).number(unix.IFLA_MTU, mtu))
}

// Do sets it.
func (m MTU) Do(k *Kernel) error { return k.ask(m) }

// Undo sets the default, if nobody has set another value since.
func (m MTU) Undo(k *Kernel) error {
	l, err := k.link(m.NS, m.Dev)
	if err != nil || l.mtu != m.MTU {
		return gone(err)
	}
	return gone(k.send(m.NS, m.request(defaultMTU)))
}

// Diff reads it.
func (m MTU) Diff(k *Kernel) (string, error) {
	l, err := k.link(m.NS, m.Dev)
	if err != nil {
		return missing(m.Dev+" "+place(m.NS), err)
	}
	if l.mtu != m.MTU {
		return fmt.Sprintf("%s %s has mtu %d, not %d", m.Dev, place(m.NS), l.mtu, m.MTU), nil
	}
	return "", nil
}

// Command is ip link set ... mtu.
func (m MTU) Command() Command { return ipLink(m.NS, "set", m.Dev, "mtu", fmt.Sprint(m.MTU)) }

// Inverse sets the default.
func (m MTU) Inverse() Command { return ipLink(m.NS, "set", m.Dev, "mtu", fmt.Sprint(defaultMTU)) }

func (m MTU) String() string { return fmt.Sprintf("%s %s has mtu %d", m.Dev, place(m.NS), m.MTU) }

// On is the interface.
func (m MTU) On() []Object { return []Object{Dev(m.NS, m.Dev)} }
