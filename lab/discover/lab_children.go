package discover

import (
	"fmt"

	"nslab/topology"
)

func (d *draft) macvlan(n *Namespace, i *Interface) bool {
	parent, ok := d.parent(n, i)
	if ok && parent != "" {
		d.links = append(d.links, fmt.Sprintf("- {kind: macvlan, %smode: %s, endpoint: %s}", parent, i.Mode, d.end(n, i, d.at(*i.Parent).MTU)))
	}
	return ok && parent != ""
}

func (d *draft) vxlan(n *Namespace, i *Interface) bool {
	parent, ok := d.parent(n, i)
	if !ok {
		return false
	}
	words := fmt.Sprintf("%sid: %d, port: %d", parent, i.VXLAN.ID, i.VXLAN.Port)
	if a := i.VXLAN.Local; a.IsValid() {
		words += fmt.Sprintf(", local: %q", a)
	}
	switch a := i.VXLAN.Remote; {
	case a.IsMulticast():
		d.skip("the group %s of %s", a, label(n, i))
	case a.IsValid():
		words += fmt.Sprintf(", remote: %q", a)
	}
	words += fmt.Sprintf(", learning: %t, proxy: %t", i.VXLAN.Learning, i.VXLAN.Proxy)
	d.links = append(d.links, fmt.Sprintf("- {kind: vxlan, %s, endpoint: %s}", words, d.end(n, i, d.vxlanMTU(i))))
	return true
}

// vxlanMTU is the MTU that a vxlan gives itself: what its parent's wire leaves it.
func (d *draft) vxlanMTU(i *Interface) int {
	if i.Parent == nil || d.at(*i.Parent) == nil {
		return defaultMTU
	}
	return d.at(*i.Parent).MTU - envelope
}

const envelope = 50 // bytes: IPv4, UDP, VXLAN and Ethernet, RFC 7348

// parent writes what an interface sits on, "" for nothing. One that is not in
// the file, or for which ip(8) has no word, is not ok.
func (d *draft) parent(n *Namespace, i *Interface) (text string, ok bool) {
	if i.Parent == nil {
		return "", true
	}
	if i.Parent.Interface == "" {
		return fmt.Sprintf("parent: %s, ", i.Parent.Namespace), n.Name != topology.Host
	}
	p := d.at(*i.Parent)
	if p == nil || n.Name == topology.Host && i.Parent.Namespace != topology.Host {
		return "", false
	}
	if !d.drawn[p] {
		d.link(d.Namespace(i.Parent.Namespace), p)
	}
	return fmt.Sprintf("parent: %q, ", i.Parent.Namespace+":"+d.names[p]), d.drawn[p]
}
