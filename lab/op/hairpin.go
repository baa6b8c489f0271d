package op

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Hairpin is the fact that a port of a bridge may send a frame back to where it
// came from, ip-link(8), "bridge_slave hairpin". Who asks for its own published
// port needs it. It goes when the port leaves the bridge.
type Hairpin struct{ NS, Dev, Bridge string }

func (p Hairpin) at() string { return p.NS }

func (p Hairpin) requests(*Kernel) ([]request, error) { return []request{p.request(1)}, nil }

func (p Hairpin) request(mode byte) request {
	port := message{}.text(unix.IFLA_INFO_SLAVE_KIND, "bridge").nest(unix.IFLA_INFO_SLAVE_DATA, message{}.bytes(unix.IFLA_BRPORT_MODE, []byte{mode}))
	return request{kind: unix.RTM_NEWLINK, body: linkNamed(p.Dev, 0, 0).nest(unix.IFLA_LINKINFO, port)}
}

// Do switches it on.
func (p Hairpin) Do(k *Kernel) error { return k.ask(p) }

// Undo switches it off, where there still is a port.
func (p Hairpin) Undo(k *Kernel) error {
	if diff, err := p.Diff(k); diff != "" || err != nil {
		return gone(err)
	}
	return gone(k.send(p.NS, p.request(0)))
}

// Diff asks the port.
func (p Hairpin) Diff(k *Kernel) (string, error) {
	l, err := k.link(p.NS, p.Dev)
	if err != nil {
		return missing(p.Dev+" "+place(p.NS), err)
	}
	if !l.hairpin {
		return fmt.Sprintf("%s %s does not send frames back to where they came from", p.Dev, place(p.NS)), nil
	}
	return "", nil
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
