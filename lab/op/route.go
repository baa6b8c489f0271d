package op

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/topology"
)

// Route is a route of the main table, ip-route(8).
type Route struct {
	NS     string
	To     netip.Prefix // 0.0.0.0/0 or ::/0 for default
	Via    netip.Addr   // invalid when the network is on the link itself
	Dev    string       // "" when via says enough
	Out    string       // the interface the gateway is on, which the route cannot outlive
	Metric int
}

func (r Route) netlink(h *netlink.Handle) (*netlink.Route, error) {
	out := &netlink.Route{Dst: ipNet(r.To), Priority: r.Metric}
	if r.Via.IsValid() {
		out.Gw = r.Via.AsSlice()
	} else {
		out.Scope = netlink.SCOPE_LINK
	}
	if r.Dev == "" {
		return out, nil
	}
	l, err := h.LinkByName(r.Dev)
	if err != nil {
		return nil, err
	}
	out.LinkIndex = l.Attrs().Index
	return out, nil
}

// Do adds the route. In a room, which is all the lab's own, it takes the place
// of another one; on the host it does not, and nowhere that of a network which
// the kernel itself has put there with an address.
func (r Route) Do(k *Kernel) error {
	return k.In(r.NS, func(h *netlink.Handle) error {
		nr, err := r.netlink(h)
		if err != nil {
			return err
		}
		err = h.RouteAdd(nr)
		if !errors.Is(err, unix.EEXIST) || r.NS == topology.Host {
			return err
		}
		have, lerr := r.list(h)
		i := slices.IndexFunc(have, r.inTheWay)
		if lerr != nil || i < 0 || have[i].Protocol == unix.RTPROT_KERNEL {
			return err
		}
		return h.RouteReplace(nr)
	})
}

// Undo removes it.
func (r Route) Undo(k *Kernel) error {
	return gone(k.In(r.NS, func(h *netlink.Handle) error {
		nr, err := r.netlink(h)
		if err != nil {
			return err
		}
		return h.RouteDel(nr)
	}))
}

// Diff looks for the route in the main table.
func (r Route) Diff(k *Kernel) (diff string, err error) {
	err = k.In(r.NS, func(h *netlink.Handle) error {
		want, err := r.netlink(h)
		if err != nil {
			return err
		}
		have, err := r.list(h)
		if err == nil && !slices.ContainsFunc(have, func(h netlink.Route) bool { return r.inTheWay(h) && r.leadsTo(h, want) }) {
			diff = r.instead(h, have, want)
		}
		return err
	})
	if err != nil {
		return missing("namespace "+r.NS+" or "+r.Dev, err)
	}
	return diff, nil
}

// list are the routes of the main table that lead to the same network.
func (r Route) list(h *netlink.Handle) ([]netlink.Route, error) {
	all, err := h.RouteListFiltered(family(r.To.Addr()), &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	want := ipNet(r.To).String()
	return slices.DeleteFunc(all, func(have netlink.Route) bool {
		if have.Dst == nil { // the kernel sends no destination for default
			return r.To.Bits() != 0
		}
		return have.Dst.String() != want
	}), err
}

// defaultMetric6 is what IPv6 makes of no metric: IP6_RT_PRIO_USER.
const defaultMetric6 = 1024

func (r Route) metric() int {
	if r.To.Addr().Is6() {
		return cmp.Or(r.Metric, defaultMetric6)
	}
	return r.Metric
}

// inTheWay says whether a route to the same network stands in the place of
// this one: there is one for each metric.
func (r Route) inTheWay(have netlink.Route) bool { return have.Priority == r.metric() }

func (r Route) leadsTo(have netlink.Route, want *netlink.Route) bool {
	return have.Type == unix.RTN_UNICAST && have.Gw.Equal(want.Gw) && (r.Dev == "" || have.LinkIndex == want.LinkIndex)
}

// instead says what is there in the place of the route.
func (r Route) instead(h *netlink.Handle, have []netlink.Route, want *netlink.Route) string {
	if i := slices.IndexFunc(have, r.inTheWay); i >= 0 {
		other := r.other(h, have[i])
		mine, _ := strings.CutPrefix(r.way(), other[:strings.Index(other, " ")+1])
		return fmt.Sprintf("%s goes %s, not %s%s", r.target(), other, mine, r.cure(have[i]))
	}
	i := slices.IndexFunc(have, func(h netlink.Route) bool { return r.leadsTo(h, want) })
	if i >= 0 {
		return fmt.Sprintf("%s %s has metric %d, not %d", r.target(), r.way(), have[i].Priority, r.metric())
	}
	return fmt.Sprintf("%s has no route to %s", r.NS, r.target())
}

// other puts where a route leads into the words of ip-route(8).
func (r Route) other(h *netlink.Handle, have netlink.Route) string {
	switch have.Type {
	case unix.RTN_BLACKHOLE:
		return "nowhere (blackhole)"
	case unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT:
		return "nowhere (unreachable or prohibit)"
	}
	var words []string
	if have.Gw != nil {
		words = append(words, "via "+have.Gw.String())
	}
	for _, hop := range have.MultiPath {
		words = append(words, "via "+hop.Gw.String())
	}
	l, err := h.LinkByIndex(have.LinkIndex)
	if err == nil && (r.Dev != "" || len(words) == 0) {
		words = append(words, "on "+topology.Quote(l.Attrs().Name))
	}
	return strings.Join(words, " ")
}

func (r Route) way() string {
	switch {
	case !r.Via.IsValid():
		return "on " + r.Dev
	case r.Dev != "":
		return "via " + r.Via.String() + " on " + r.Dev
	}
	return "via " + r.Via.String()
}

// cure says what helps where apply does not replace the route.
func (r Route) cure(have netlink.Route) string {
	switch {
	case have.Protocol == unix.RTPROT_KERNEL:
		return ": that is the network of its own address"
	case r.NS == topology.Host:
		del := append(ip(r.NS), r.ipv6()...)
		del = append(del, "route", "del", r.target(), "metric", fmt.Sprint(have.Priority))
		return fmt.Sprintf("; %s: %s, then nslab apply", Foreign, del)
	}
	return ""
}

func (r Route) target() string {
	if r.To.Bits() == 0 {
		return "default"
	}
	return r.To.String()
}

func (r Route) words(verb string) Command {
	c := append(ip(r.NS), r.ipv6()...)
	c = append(c, "route", verb, r.target())
	if r.Via.IsValid() {
		c = append(c, "via", r.Via.String())
	}
	if r.Dev != "" {
		c = append(c, "dev", r.Dev)
	}
	if r.Metric != 0 {
		c = append(c, "metric", fmt.Sprint(r.Metric))
	}
	return c
}

// ipv6 is the -6 that ip(8) needs to know which default is meant.
func (r Route) ipv6() []string {
	if r.To.Addr().Is6() {
		return []string{"-6"}
	}
	return nil
}

// Command is ip route add.
func (r Route) Command() Command { return r.words("add") }

// Inverse is ip route del.
func (r Route) Inverse() Command { return r.words("del") }

func (r Route) String() string {
	if r.Via.IsValid() {
		return fmt.Sprintf("%s reaches %s via %s", r.NS, r.target(), r.Via)
	}
	return fmt.Sprintf("%s reaches %s on %s", r.NS, r.target(), r.Dev)
}

// On is the namespace, and the interface the route leaves by.
func (r Route) On() []Object {
	on := []Object{NetNS(r.NS)}
	if r.Out != "" {
		on = append(on, Dev(r.NS, r.Out))
	}
	return on
}
