package op

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/topology"
)

// otherwise says what is not as it should be of the route itself. IPv6 has no scopes.
func (r Route) otherwise(have route) string {
	switch {
	case r.MTU != 0 && have.mtu != r.MTU:
		return fmt.Sprintf("%s %s has mtu %d, not %d", r.target(), r.way(), have.mtu, r.MTU)
	case r.AdvMSS != 0 && have.advmss != r.AdvMSS:
		return fmt.Sprintf("%s %s has advmss %d, not %d", r.target(), r.way(), have.advmss, r.AdvMSS)
	case r.Scope != "" && r.To.Addr().Is4() && have.scope != r.scope():
		return fmt.Sprintf("%s %s has scope %s, not %s", r.target(), r.way(), ScopeName(int(have.scope)), r.Scope)
	}
	return ""
}

// instead says what is there in the place of the route.
func (r Route) instead(k *Kernel, have []route, out int) string {
	if i := slices.IndexFunc(have, r.inTheWay); i >= 0 {
		other := r.other(k, have[i])
		mine, _ := strings.CutPrefix(r.way(), other[:strings.Index(other, " ")+1])
		return fmt.Sprintf("%s goes %s, not %s%s", r.target(), other, mine, r.cure(have[i]))
	}
	i := slices.IndexFunc(have, func(h route) bool { return r.leadsTo(h, out) })
	if i >= 0 {
		return fmt.Sprintf("%s %s has metric %d, not %d", r.target(), r.way(), have[i].metric, r.metric())
	}
	return fmt.Sprintf("%s has no route to %s", r.NS, r.target())
}

// other puts where a route leads into the words of ip-route(8).
func (r Route) other(k *Kernel, have route) string {
	switch have.kind {
	case unix.RTN_BLACKHOLE:
		return "nowhere (blackhole)"
	case unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT:
		return "nowhere (unreachable or prohibit)"
	}
	var words []string
	if have.via.IsValid() {
		words = append(words, "via "+have.via.String())
	}
	for _, hop := range have.hops {
		words = append(words, "via "+hop.String())
	}
	v, err := k.view(r.NS)
	if err == nil && (r.Dev != "" || len(words) == 0) {
		if l, there := v.withIndex(have.out); there {
			words = append(words, "on "+topology.Quote(l.name))
		}
	}
	return strings.Join(words, " ")
}

// cure says what helps where apply does not replace the route.
func (r Route) cure(have route) string {
	switch {
	case have.by == unix.RTPROT_KERNEL:
		return ": that is the network of its own address"
	case r.NS == topology.Host:
		del := append(ip(r.NS), r.ipv6()...)
		del = append(del, "route", "del", r.target(), "metric", fmt.Sprint(have.metric))
		return fmt.Sprintf("; %s: %s, then nslab apply", Foreign, del)
	}
	return ""
}
