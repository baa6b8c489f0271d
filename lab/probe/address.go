package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"nslab/lab/op"
)

// addresses asks which addresses an interface has.
type addresses struct{ in, on string }

func readAddress(r *reader) []Probe {
	return []Probe{addresses{r.place("in"), r.Required("on", "veth-red").Text}}
}

func (p addresses) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

func (p addresses) ask(_ context.Context, r *rig, _ patience) Answer { return r.look(p.in, p.list) }

func (p addresses) list(h *netlink.Handle) (Answer, error) {
	link, err := h.LinkByName(p.on)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return Answer{Outcome: Absent, Text: fmt.Sprintf("%s has no interface %s", p.in, p.on)}, nil
	}
	if err != nil {
		return Answer{}, err
	}
	have, err := h.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return Answer{}, err
	}
	var all []string
	for _, a := range have {
		all = append(all, canonical(a))
	}
	return p.found(all), nil
}

func canonical(a netlink.Addr) string {
	addr, _ := netip.AddrFromSlice(a.IP)
	bits, _ := a.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), bits).String()
}

// found leaves the link-local addresses that every IPv6 interface gives itself
// out of the full list; they can still be asked for one by one.
func (p addresses) found(all []string) Answer {
	given := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return strings.HasPrefix(s, "fe80:") })
	slices.Sort(given)
	a := Answer{Outcome: Present, Data: map[string]string{"has": strings.Join(all, " "), "all": strings.Join(given, " ")}}
	a.Text = fmt.Sprintf("%s in %s has %s", p.on, p.in, strings.Join(given, " and "))
	if len(given) == 0 {
		a.Outcome, a.Text = Absent, fmt.Sprintf("%s in %s has no address", p.on, p.in)
	}
	return a
}

func (p addresses) Command() op.Command { return iproute(p.in, "addr", "show", "dev", p.on) }

func (p addresses) String() string { return fmt.Sprintf("%s in %s has an address", p.on, p.in) }

func (p addresses) Nodes() []string { return []string{p.in} }
