package discover

import (
	"fmt"
	"net/netip"
	"strings"

	"nslab/topology"
)

// link writes the link that an interface is an end of.
func (d *draft) link(n *Namespace, i *Interface) {
	write := map[string]func(*Namespace, *Interface) bool{
		"veth": d.cable, "macvlan": d.macvlan, "vxlan": d.vxlan,
	}[i.Kind]
	switch {
	case i.isSwitch() || i.datapath || d.drawn[i]:
	case write != nil && write(n, i):
	case i.Up || len(i.Addresses) > 0 || i.Master != "" || d.needed[i]:
		d.standIn(n, i)
	default:
		d.skip("%s (%s), which is down and has no address", label(n, i), topology.Quote(i.Kind))
	}
}

// cable writes both ends of a veth.
func (d *draft) cable(n *Namespace, i *Interface) bool {
	if i.Peer == nil {
		return false
	}
	there, other := d.Namespace(i.Peer.Namespace), d.at(*i.Peer)
	d.links = append(d.links, fmt.Sprintf("- endpoints: [%s, %s]", d.end(n, i, defaultMTU), d.end(there, other, defaultMTU)))
	d.cables = append(d.cables, [2]socket{{n, i}, {there, other}})
	if i.Up && other.Up {
		d.segments.join(d.port(n, i), d.port(there, other))
	}
	return true
}

// end writes an end of a link, with its MTU where that is not the one that it
// would have by itself.
func (d *draft) end(n *Namespace, i *Interface, mtu int) string {
	node, addresses := n.Name, i.Addresses
	switch bridge := d.masterOf(n, i); {
	case bridge != nil:
		if node = d.names[bridge]; len(addresses) > 0 {
			d.skip("%s of %s: it is a port of %s", list(addresses), label(n, i), node)
			addresses = nil
		}
	case i.Master != "":
		d.skip("that %s belongs to %s", label(n, i), topology.Quote(i.Master))
	}
	if i.Tag != "" {
		d.skip("that %s is in VLAN %s", label(n, i), topology.Quote(i.Tag))
	}
	d.drawn[i] = true
	if addresses != nil {
		d.plug(n, i)
	}
	return d.endWords(node, i, addresses, mtu)
}

// endWords is an end of a link, at length where a person would need that.
func (d *draft) endWords(node string, i *Interface, addresses []netip.Prefix, mtu int) string {
	more := ""
	if mac := d.mac(i); mac != "" && i.Mode != "passthru" && len(addresses) == len(i.Addresses) {
		more += ", mac: " + mac
	}
	if i.MTU != mtu && i.MTU <= maxMTU {
		more += fmt.Sprintf(", mtu: %d", i.MTU)
	}
	if i.Hairpin {
		more += ", hairpin: true"
	}
	if more == "" {
		return short(node, d.names[i], addresses)
	}
	return fmt.Sprintf("{node: %s, interface: %q, addresses: %s%s}", node, d.names[i], list(addresses), more)
}

// short is an end as a person writes it: "red:eth0 192.168.15.1/24".
func short(node, dev string, addresses []netip.Prefix) string {
	words := []string{node + ":" + dev}
	for _, a := range addresses {
		words = append(words, a.String())
	}
	return fmt.Sprintf("%q", strings.Join(words, " "))
}

// masterOf is the bridge that an interface is a port of, nil when of none.
func (d *draft) masterOf(n *Namespace, i *Interface) *Interface {
	if m := n.Interface(i.Master); i.Master != "" && m != nil && m.isSwitch() {
		return m
	}
	return nil
}

// port is what a plug in an interface is connected with: its bridge, if that is up
// and the port is in no VLAN.
func (d *draft) port(n *Namespace, i *Interface) *Interface {
	if m := d.masterOf(n, i); m != nil && m.Up && i.Tag == "" {
		return m
	}
	return i
}

// standIn writes a cable to somebody who plays what is behind an interface: the
// street, a tunnel, or a namespace that nobody may look into. Whoever is a
// gateway there is played as well.
func (d *draft) standIn(n *Namespace, i *Interface) {
	name := unique(d.taken, clean("behind-"+d.names[i], maxName, "behind"), maxName)
	d.standIns = append(d.standIns, fmt.Sprintf("%s: {} # plays what is behind %s (%s)", name, label(n, i), topology.Quote(i.Kind)))
	routers := d.gateways(n, i)
	other := short(name, "eth0", routers)
	for _, a := range routers {
		d.plugs = append(d.plugs, plug{n: n, i: i, node: name, prefix: a})
	}
	if i.MTU <= maxMTU && i.MTU != defaultMTU {
		other = fmt.Sprintf("{node: %s, interface: eth0, addresses: %s, mtu: %d}", name, list(routers), i.MTU)
	}
	d.links = append(d.links, fmt.Sprintf("- endpoints: [%s, %s]", d.end(n, i, defaultMTU), other))
}

const maxMTU = 65535 // of a veth

// gateways are the routers that a namespace knows on an interface, each with
// the prefix length of the interface.
func (d *draft) gateways(n *Namespace, i *Interface) []netip.Prefix {
	var out []netip.Prefix
	seen := map[netip.Addr]bool{}
	for _, r := range n.Routes {
		for _, a := range i.Addresses {
			if r.Dev == i.Name && r.Via.IsValid() && a.Contains(r.Via) && a.Addr() != r.Via && !seen[r.Via] {
				seen[r.Via] = true
				out = append(out, netip.PrefixFrom(r.Via, a.Bits()))
			}
		}
	}
	return out
}
