package discover

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"nslab/topology"
)

// namespaces writes what lives in each.
func (d *draft) namespaces() []string {
	var out []string
	for _, n := range d.Namespaces {
		lines := d.inside(n)
		switch {
		case len(lines) > 0:
			out = append(out, n.Name+":"+n.remark())
			out = append(out, lines...)
		default:
			out = append(out, n.Name+": {}"+n.remark())
		}
		for _, r := range n.Shared {
			out = append(out, r.Name+":", "  network: "+n.shareWord())
			out = append(out, d.nameLines(n, r.Name, r.Files)...)
		}
	}
	return append(out, d.standIns...)
}

// shareWord is how a room says whose network it has.
func (n *Namespace) shareWord() string {
	if n.own {
		return topology.Host
	}
	return quoted("container:" + n.Name)
}

// remark says who a namespace is, where its name does not.
func (n *Namespace) remark() string {
	switch {
	case n.Name == topology.Host:
		return ""
	case n.Container != nil:
		return " # container " + topology.Quote(n.Container.Name) + " of " + n.Container.Runtime
	case n.known() != n.Name:
		return " # " + topology.Quote(n.known())
	}
	return ""
}

func (d *draft) inside(n *Namespace) []string {
	var out []string
	if lo := n.Interface("lo"); lo != nil && len(lo.Addresses) > 0 {
		out = append(out, "  lo: {addresses: "+list(lo.Addresses)+"}")
	} else if lo != nil && lo.Up {
		out = append(out, "  lo: up")
	}
	settings := d.settings(n)
	switch {
	case n.Forwarding && (n.Forward6 || !d.ipv6()):
		out = append(out, "  forwarding: true")
	case n.Forwarding:
		settings = append(settings, "net.ipv4.ip_forward: 1")
	case n.Forward6 && d.ipv6():
		settings = append(settings, "net.ipv6.conf.all.forwarding: 1")
	}
	if len(settings) > 0 {
		out = append(out, "  sysctls: {"+strings.Join(settings, ", ")+"}")
	}
	out = append(out, d.nameLines(n, n.Name, n.Files)...)
	if ports := d.ports[n]; len(ports) > 0 {
		out = append(out, "  ports: ["+strings.Join(ports, ", ")+"]")
	}
	out = under(out, "neighbours", d.neighbours(n))
	out = under(out, "fdb", d.fdb(n))
	return under(out, "routes", d.routes(n))
}

// under adds a list under a key, when there is something in it.
func under(out []string, key string, items []string) []string {
	if len(items) == 0 {
		return out
	}
	return append(append(out, "  "+key+":"), items...)
}

// settings are those that are not as in a new namespace, also of interfaces
// that are in the file.
func (d *draft) settings(n *Namespace) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(n.Settings)) {
		words := strings.Split(key, ".") // net.ipv4.conf.docker0.route_localnet
		dev := n.Interface(words[len(words)-2])
		if dev != nil && dev.Kind != "loopback" && !d.known(n, dev.Name) {
			d.skip("in %s: %s=%s", n.Name, topology.Quote(key), n.Settings[key])
			continue
		}
		out = append(out, key+": "+n.Settings[key])
	}
	return out
}

// ipv6 says whether the lab will have IPv6, and `forwarding` mean both.
func (d *draft) ipv6() bool {
	return slices.ContainsFunc(d.plugs, func(p plug) bool { return p.prefix.Addr().Is6() })
}

func (d *draft) routes(n *Namespace) []string {
	type key struct {
		to     netip.Prefix
		metric int
	}
	var out []string
	seen := map[key]bool{}
	for _, r := range n.Routes {
		k := key{r.To, r.Metric}
		line, ok := d.route(n, r)
		if !ok || seen[k] {
			d.skip("a route of %s: %s", n.Name, r)
			continue
		}
		seen[k] = true
		out = append(out, "    - "+line)
	}
	return out
}

// route writes one; dev is not said where the gateway says it.
func (d *draft) route(n *Namespace, r Route) (string, bool) {
	i := n.Interface(r.Dev)
	if i == nil || !d.drawn[i] && i.Kind != "loopback" || r.Kind != "" {
		return "", false
	}
	words := "to: " + r.destination()
	if r.To.Addr().Is6() {
		words = fmt.Sprintf("to: %q", r.To)
	}
	onLink := slices.ContainsFunc(d.plugs, func(p plug) bool { return p.node == n.Name && p.i == i && p.prefix.Contains(r.Via) })
	switch {
	case !r.Via.IsValid():
		words += fmt.Sprintf(", dev: %q", d.nameOf(i))
	case r.Via.Is4() != r.To.Addr().Is4():
		return "", false
	case r.Via.IsLinkLocalUnicast():
		words += fmt.Sprintf(", via: %q, dev: %q", r.Via, d.nameOf(i))
	case !onLink:
		return "", false
	default:
		words += fmt.Sprintf(", via: %q", r.Via)
	}
	if r.Metric != 0 {
		words += fmt.Sprintf(", metric: %d", r.Metric)
	}
	return "{" + words + "}", true
}

func (d *draft) nameOf(i *Interface) string {
	if i.Kind == "loopback" {
		return strings.TrimSpace(i.Name)
	}
	return d.names[i]
}
