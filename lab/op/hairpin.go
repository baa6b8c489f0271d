package op

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Hairpin is the fact that a port of a bridge may send a frame back to where it
// came from, ip-link(8), "bridge_slave hairpin". Who asks for its own published
// port needs it. It goes when the port leaves the bridge.
type Hairpin struct{ NS, Dev, Bridge string }

func (p Hairpin) set(k *Kernel, on bool) error {
	return Up{p.NS, p.Dev}.set(k, func(h *netlink.Handle, l netlink.Link) error { return h.LinkSetHairpin(l, on) })
}

// Do switches it on.
func (p Hairpin) Do(k *Kernel) error { return p.set(k, true) }

// Undo switches it off, where there still is a port.
func (p Hairpin) Undo(k *Kernel) error {
	if diff, err := p.Diff(k); diff != "" || err != nil {
		return gone(err)
	}
	return gone(p.set(k, false))
}

// Diff asks the port.
func (p Hairpin) Diff(k *Kernel) (diff string, err error) {
	err = Up{p.NS, p.Dev}.set(k, func(_ *netlink.Handle, l netlink.Link) error {
		mode, err := linkAttribute(l.Attrs().Index, unix.IFLA_LINKINFO, nl.IFLA_INFO_SLAVE_DATA, nl.IFLA_BRPORT_MODE)
		if err == nil && (len(mode) == 0 || mode[0] == 0) {
			diff = fmt.Sprintf("%s %s does not send frames back to where they came from", p.Dev, place(p.NS))
		}
		return err
	})
	if err != nil {
		return missing(p.Dev+" "+place(p.NS), err)
	}
	return diff, nil
}

func (p Hairpin) words(mode string) Command {
	return ipLink(p.NS, "set", p.Dev, "type", "bridge_slave", "hairpin", mode)
}

// Command is ip link set ... type bridge_slave hairpin on.
func (p Hairpin) Command() Command { return p.words("on") }

// Inverse is ... hairpin off.
func (p Hairpin) Inverse() Command { return p.words("off") }

func (p Hairpin) String() string {
	return fmt.Sprintf("%s sends frames back to where they came from", p.Dev)
}

// On is the port and the bridge.
func (p Hairpin) On() []Object { return Master(p).On() }
