package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"

	"nslab/lab/op"
)

// neighbour asks whether a namespace has learnt somebody's MAC address, the
// table that arp(8) and ip-neighbour(8) show.
type neighbour struct {
	in string
	to target
	on string // "" for any interface
}

func readNeighbour(r *reader) []Probe {
	in := r.place("in")
	to := r.Required("address", "192.168.15.2")
	return []Probe{neighbour{in, r.resolve(in, to.Pos, to.Text), r.Word("on").Text}}
}

func (p neighbour) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

func (p neighbour) ask(_ context.Context, r *rig, _ patience) Answer { return r.look(p.in, p.look) }

func (p neighbour) look(h *netlink.Handle) (Answer, error) {
	index, absent, err := p.index(h)
	if err != nil || absent != "" {
		return Answer{Outcome: Absent, Text: absent}, err
	}
	entries, err := h.NeighList(index, family(p.to.addr))
	if err != nil {
		return Answer{}, err
	}
	for _, e := range entries {
		if !e.IP.Equal(net.IP(p.to.addr.AsSlice())) {
			continue
		}
		if e.State&(netlink.NUD_INCOMPLETE|netlink.NUD_FAILED) != 0 {
			return Answer{Outcome: Absent, Text: fmt.Sprintf("%s has asked for %s, and nobody answered", p.in, p.to.addr)}, nil
		}
		return Answer{Outcome: Present, Text: fmt.Sprintf("%s is %s", p.to.addr, e.HardwareAddr)}, nil
	}
	return Answer{Outcome: Absent, Text: fmt.Sprintf("%s has not learnt %s", p.in, p.to.addr)}, nil
}

// index is the interface to look on, 0 for all; absent says that there is none.
func (p neighbour) index(h *netlink.Handle) (index int, absent string, err error) {
	if p.on == "" {
		return 0, "", nil
	}
	link, err := h.LinkByName(p.on)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return 0, fmt.Sprintf("%s has no interface %s", p.in, p.on), nil
	}
	if err != nil {
		return 0, "", err
	}
	return link.Attrs().Index, "", nil
}

// addr is what the waves must not forget.
func (p neighbour) addr() netip.Addr { return p.to.addr }

func (p neighbour) Command() op.Command {
	words := []string{"neigh", "show", p.to.addr.String()}
	if p.on != "" {
		words = append(words, "dev", p.on)
	}
	return iproute(p.in, words...)
}

func (p neighbour) String() string { return p.in + " has learnt the MAC address of " + p.to.String() }

func (p neighbour) Nodes() []string { return p.to.nodes(p.in) }
