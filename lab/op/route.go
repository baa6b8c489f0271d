package op

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"nslab/topology"
)

// Route is a route, ip-route(8).
type Route struct {
	NS     string
	To     netip.Prefix // 0.0.0.0/0 or ::/0 for default
	Via    netip.Addr   // invalid when the network is on the link itself
	Dev    string       // "" when via says enough
	Out    string       // the interface the gateway is on, which the route cannot outlive
	Metric int

	Table       int    `json:",omitempty"` // 0 for main
	MTU, AdvMSS int    `json:",omitempty"` // in bytes, 0 for what the way itself allows
	Scope       string `json:",omitempty"` // a name, or the number of another; "": link without Via, else global
}

func (r Route) at() string { return r.NS }

// adding begins the message that adds the route.
func (r Route) adding() message {
	m := routeMessage(family(r.To.Addr()), r.To.Bits(), unix.RTPROT_BOOT, r.scope(), unix.RTN_UNICAST)
	if limits := r.limits(); limits != nil {
		m = m.nest(unix.RTA_METRICS, limits)
	}
	return m
}

// deleting begins the one that deletes it, whoever made it.
func (r Route) deleting() message {
	return routeMessage(family(r.To.Addr()), r.To.Bits(), unix.RTPROT_UNSPEC, unix.RT_SCOPE_NOWHERE, unix.RTN_UNSPEC)
}

func (r Route) message(k *Kernel, m message) (message, error) {
	m = m.addr(unix.RTA_DST, r.To.Addr())
	if r.Via.IsValid() {
		m = m.addr(unix.RTA_GATEWAY, r.Via)
	}
	if r.Metric != 0 {
		m = m.number(unix.RTA_PRIORITY, r.Metric)
	}
	if r.Table != 0 {
		m = m.number(unix.RTA_TABLE, r.Table)
	}
	if r.Dev == "" {
		return m, nil
	}
	index, err := k.index(r.NS, r.Dev)
	return m.number(unix.RTA_OIF, index), err
}

func (r Route) requests(k *Kernel) ([]request, error) {
	m, err := r.message(k, r.adding())
	return []request{{kind: unix.RTM_NEWROUTE, flags: unix.NLM_F_CREATE | unix.NLM_F_EXCL, body: m}}, err
}

// Do adds the route. In a room, which is all the lab's own, it takes the place
// of another one; on the host it does not, and nowhere that of a network which
// the kernel itself has put there with an address.
func (r Route) Do(k *Kernel) error {
	err := k.ask(r)
	if !errors.Is(err, unix.EEXIST) || r.NS == topology.Host {
		return err
	}
	have, lerr := r.list(k)
	i := slices.IndexFunc(have, r.inTheWay)
	if lerr != nil || i < 0 || have[i].by == unix.RTPROT_KERNEL {
		return err
	}
	m, err := r.message(k, r.adding())
	if err != nil {
		return err
	}
	return k.send(r.NS, request{kind: unix.RTM_NEWROUTE, flags: unix.NLM_F_CREATE | unix.NLM_F_REPLACE, body: m})
}

// Undo removes it.
func (r Route) Undo(k *Kernel) error {
	m, err := r.message(k, r.deleting())
	if err != nil {
		return gone(err)
	}
	return gone(k.send(r.NS, request{kind: unix.RTM_DELROUTE, body: m}))
}

// Diff looks for the route in its table.
func (r Route) Diff(k *Kernel) (string, error) {
	out := 0
	if r.Dev != "" {
		l, err := k.link(r.NS, r.Dev)
		if err != nil {
			return missing("namespace "+r.NS+" or "+r.Dev, err)
		}
		out = l.index
	}
	have, err := r.list(k)
	if err != nil {
		return missing("namespace "+r.NS+" or "+r.Dev, err)
	}
	if i := slices.IndexFunc(have, func(h route) bool { return r.inTheWay(h) && r.leadsTo(h, out) }); i >= 0 {
		return r.otherwise(have[i]), nil
	}
	return r.instead(k, have, out), nil
}

// list are the routes of the table that lead to the same network.
func (r Route) list(k *Kernel) (out []route, err error) {
	all, err := k.routes(r.NS, family(r.To.Addr()))
	for _, h := range all[r.To.Masked()] {
		if h.table == r.table() {
			out = append(out, h)
		}
	}
	return out, err
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
func (r Route) inTheWay(have route) bool { return have.metric == r.metric() }

// leadsTo says whether a route leads where this one should, out being the
// index of the interface that it names, 0 when it names none.
func (r Route) leadsTo(have route, out int) bool {
	return have.kind == unix.RTN_UNICAST && have.via == r.Via && (out == 0 || have.out == out)
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
	if r.Table != 0 {
		c = append(c, "table", fmt.Sprint(r.Table))
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
func (r Route) Command() Command { return append(r.words("add"), r.options()...) }

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
