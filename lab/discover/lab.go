package discover

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"nslab/topology"
)

// WriteLab writes the machine as a lab file that builds the same shape in a
// sandbox. What the grammar has no word for is named in a comment; where a cable
// leaves what was found, a namespace stands in for what is behind.
func (m *Machine) WriteLab(w io.Writer) error {
	d := newDraft(m)
	namespaces, verify := d.namespaces(), d.verify() // which may leave something out
	var out strings.Builder
	out.WriteString("# What `nslab discover` found here, to be built again in a sandbox.\n")
	for _, l := range m.NotSeen() {
		out.WriteString("# " + l + "\n")
	}
	for _, l := range d.left {
		out.WriteString("# left out: " + l + "\n")
	}
	out.WriteString("name: discovered\n")
	section(&out, "namespaces", namespaces)
	section(&out, "bridges", d.bridges)
	section(&out, "links", d.links)
	section(&out, "nat", d.nat)
	section(&out, "filter", d.filter)
	section(&out, "verify", verify)
	_, err := io.WriteString(w, out.String())
	return err
}

func section(out *strings.Builder, key string, lines []string) {
	if len(lines) > 0 {
		out.WriteString("\n" + key + ":\n  " + strings.Join(lines, "\n  ") + "\n")
	}
}

// draft is the lab as it grows out of the machine.
type draft struct {
	*Machine
	names    map[*Interface]string // in the lab, where ":" and the like cannot be in one
	taken    map[string]bool       // names of nodes
	needed   map[*Interface]bool   // somebody's parent
	seized   map[*Interface]bool   // its child, in mode passthru, gets all that arrives
	drawn    map[*Interface]bool   // in the file
	standIns []string
	bridges  []string
	links    []string
	nat      []string
	filter   []string
	left     []string
	cables   [][2]socket
	ports    map[*Namespace][]string
	plugs    []plug
	segments segments
}

// socket is an interface and where it is.
type socket struct {
	n *Namespace
	i *Interface
}

func newDraft(m *Machine) *draft {
	d := &draft{
		Machine: m, names: map[*Interface]string{}, taken: map[string]bool{},
		needed: map[*Interface]bool{}, seized: map[*Interface]bool{}, drawn: map[*Interface]bool{}, segments: segments{},
		ports: map[*Namespace][]string{},
	}
	for _, n := range m.Namespaces {
		d.taken[strings.ToLower(n.Name)] = true
		for _, r := range n.Shared {
			d.taken[strings.ToLower(r.Name)] = true
		}
	}
	d.each(d.name)
	d.each(d.bridge)
	d.each(d.link)
	for _, n := range m.Namespaces {
		d.rules(n)
	}
	return d
}

func (d *draft) each(f func(*Namespace, *Interface)) {
	for _, n := range d.Namespaces {
		for _, i := range n.Interfaces {
			if i.Kind != "loopback" {
				f(n, i)
			}
		}
	}
}

func (d *draft) skip(format string, args ...any) {
	d.left = append(d.left, fmt.Sprintf(format, args...))
}

// label is an interface as a comment has it.
func label(n *Namespace, i *Interface) string { return n.Name + ":" + topology.Quote(i.Name) }

// name chooses what an interface is called in the lab. A bridge is a node as
// well, and no other may be called so.
func (d *draft) name(n *Namespace, i *Interface) {
	if p := i.Parent; p != nil {
		d.needed[d.at(*p)] = true
		d.seized[d.at(*p)] = d.seized[d.at(*p)] || i.Mode == "passthru"
	}
	if i.isSwitch() {
		d.names[i] = unique(d.taken, clean(i.Name, maxDev, "br"), maxDev)
	} else {
		d.names[i] = device(i.Name, func(s string) bool {
			return n.find(func(o *Interface) bool { return o != i && d.names[o] == s }) == nil
		})
	}
	if d.names[i] != i.Name {
		d.skip("the name of %s: here it is %s", label(n, i), d.names[i])
	}
}

// device makes a name of an interface one that the grammar takes.
func device(s string, free func(string) bool) string {
	s = strings.Map(func(r rune) rune {
		if letter(r) || '0' <= r && r <= '9' || strings.ContainsRune("-_.", r) {
			return r
		}
		return '-'
	}, s)
	if s == "all" || s == "default" || strings.HasPrefix(s, "-") || strings.HasPrefix(s, ".") {
		s = "x" + s
	}
	s = s[:min(len(s), maxDev)]
	name := s
	for n := 2; !free(name); n++ {
		tail := fmt.Sprintf("-%d", n)
		name = s[:min(len(s), maxDev-len(tail))] + tail
	}
	return name
}

func (d *draft) at(e End) *Interface {
	if n := d.Namespace(e.Namespace); n != nil {
		return n.Interface(e.Interface)
	}
	return nil
}

func (d *draft) bridge(n *Namespace, i *Interface) {
	if !i.isSwitch() {
		return
	}
	var words []string
	if i.Kind == openVSwitch {
		words = append(words, "kind: openvswitch")
	}
	if n.Name != topology.Host {
		words = append(words, "in: "+n.Name)
	}
	if len(i.Addresses) > 0 {
		words = append(words, "addresses: "+list(i.Addresses))
	}
	if i.STP {
		words = append(words, "stp: true")
	}
	if mtu := n.portMTU(i); i.MTU != mtu && i.Kind != openVSwitch {
		words = append(words, fmt.Sprintf("mtu: %d", i.MTU))
	}
	d.bridges = append(d.bridges, d.names[i]+": {"+strings.Join(words, ", ")+"}")
	d.plug(n, i)
}

// portMTU is the one that a bridge takes from its ports.
func (n *Namespace) portMTU(bridge *Interface) int {
	mtu := 0
	for _, i := range n.Interfaces {
		if i.Master == bridge.Name && (mtu == 0 || i.MTU < mtu) {
			mtu = i.MTU
		}
	}
	return cmp.Or(mtu, defaultMTU)
}

const defaultMTU = 1500

func list(addresses []netip.Prefix) string {
	var words []string
	for _, a := range addresses {
		words = append(words, fmt.Sprintf("%q", a))
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// plug notes that an interface is in the file.
func (d *draft) plug(n *Namespace, i *Interface) {
	d.drawn[i] = true
	for _, a := range i.Addresses {
		d.plugs = append(d.plugs, plug{n: n, i: i, node: n.Name, prefix: a})
	}
}
