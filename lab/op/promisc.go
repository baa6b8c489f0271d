package op

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Promisc is the fact that an interface takes every frame, whomever it is for:
// ip-link(8), "promisc on". The kernel also counts those who ask for it by
// themselves, such as a bridge of its ports; that is not what is meant here.
type Promisc struct{ NS, Dev string }

func (p Promisc) at() string { return p.NS }

func (p Promisc) requests(*Kernel) ([]request, error) {
	return []request{change(linkNamed(p.Dev, unix.IFF_PROMISC, unix.IFF_PROMISC))}, nil
}

// Do switches it on.
func (p Promisc) Do(k *Kernel) error { return k.ask(p) }

// Undo switches it off.
func (p Promisc) Undo(k *Kernel) error {
	return gone(k.send(p.NS, change(linkNamed(p.Dev, 0, unix.IFF_PROMISC))))
}

// Diff reads the flag that `ip link` shows as PROMISC.
func (p Promisc) Diff(k *Kernel) (string, error) {
	l, err := k.link(p.NS, p.Dev)
	if err != nil {
		return missing(p.Dev+" "+place(p.NS), err)
	}
	if l.flags&unix.IFF_PROMISC == 0 {
		return fmt.Sprintf("%s %s is not promiscuous", p.Dev, place(p.NS)), nil
	}
	return "", nil
}

// Command is ip link set ... promisc on.
func (p Promisc) Command() Command { return ipLink(p.NS, "set", p.Dev, "promisc", "on") }

// Inverse is ip link set ... promisc off.
func (p Promisc) Inverse() Command { return ipLink(p.NS, "set", p.Dev, "promisc", "off") }

func (p Promisc) String() string { return fmt.Sprintf("%s %s is promiscuous", p.Dev, place(p.NS)) }

// On is the interface.
func (p Promisc) On() []Object { return []Object{Dev(p.NS, p.Dev)} }
