package op

import (
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Up is the fact that an interface is switched on.
type Up struct {
	NS, Dev string
	// Quiet is for a lab without IPv6: the interface gives itself no link-local
	// address. With one it would look for its double, report what it listens to
	// and ask for routers, and every port of a switch would hear it: 6 packets
	// for each pair of ports.
	Quiet bool
}

func (u Up) at() string { return u.NS }

func (u Up) requests(*Kernel) ([]request, error) {
	up := change(linkNamed(u.Dev, unix.IFF_UP, unix.IFF_UP))
	if !u.Quiet {
		return []request{up}, nil
	}
	return []request{u.addresses(nl.IN6_ADDR_GEN_MODE_NONE), up}, nil
}

// addresses is how the interface finds an IPv6 address for itself when it is
// switched on. A kernel without IPv6 refuses to hear of it, and is quiet too.
func (u Up) addresses(mode byte) request {
	ipv6 := message{}.nest(unix.AF_INET6, message{}.bytes(unix.IFLA_INET6_ADDR_GEN_MODE, []byte{mode}))
	r := change(linkNamed(u.Dev, 0, 0).nest(unix.IFLA_AF_SPEC, ipv6))
	r.spare = true
	return r
}

// Do switches it on.
func (u Up) Do(k *Kernel) error { return k.ask(u) }

// Undo switches it off, which takes its routes and IPv6 addresses away.
func (u Up) Undo(k *Kernel) error {
	down := []request{change(linkNamed(u.Dev, 0, unix.IFF_UP))}
	if u.Quiet {
		down = append(down, u.addresses(nl.IN6_ADDR_GEN_MODE_EUI64))
	}
	return gone(k.send(u.NS, down...))
}

// Diff reads the flag that `ip link` shows as UP.
func (u Up) Diff(k *Kernel) (string, error) {
	l, err := k.link(u.NS, u.Dev)
	if err != nil {
		return missing(u.Dev+" "+place(u.NS), err)
	}
	if l.flags&unix.IFF_UP == 0 {
		return fmt.Sprintf("%s %s is down", u.Dev, place(u.NS)), nil
	}
	return "", nil
}

// Command is ip link set ... up.
func (u Up) Command() Command { return ipLink(u.NS, "set", u.Dev, "up") }

// Inverse is ip link set ... down.
func (u Up) Inverse() Command { return ipLink(u.NS, "set", u.Dev, "down") }

func (u Up) String() string { return fmt.Sprintf("%s %s is up", u.Dev, place(u.NS)) }

// On is the interface.
func (u Up) On() []Object { return []Object{Dev(u.NS, u.Dev)} }
