package discover

import (
	"fmt"
	"slices"
	"strings"
)

// neighbours writes what a namespace does not have to learn.
func (d *draft) neighbours(n *Namespace) []string {
	var out []string
	for _, e := range n.Neighbours {
		if e.MAC == forAll || !d.known(n, e.Dev) {
			d.skip("that %s knows %s on %s", n.Name, e.Address, e.Dev)
			continue
		}
		out = append(out, fmt.Sprintf("    - {address: %q, mac: %q, dev: %q}", e.Address, e.MAC, e.Dev))
	}
	return out
}

// fdb writes where tunnels lead.
func (d *draft) fdb(n *Namespace) []string {
	var out []string
	for _, e := range n.FDB {
		if !d.known(n, e.Dev) {
			d.skip("that %s of %s sends frames for %s to %s", e.Dev, n.Name, e.MAC, e.Dst)
			continue
		}
		out = append(out, fmt.Sprintf("    - {mac: %q, dev: %q, dst: %q}", e.MAC, e.Dev, e.Dst))
	}
	return out
}

// mac is the MAC address that an end must have in the lab as well, "" when any
// will do: because somebody has been told of it, or because Docker made it of
// the IPv4 address.
func (d *draft) mac(i *Interface) string {
	for _, a := range i.Addresses {
		if b := a.Addr().AsSlice(); len(b) == 4 && i.MAC == fmt.Sprintf("02:42:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3]) {
			return "docker"
		} else if len(b) == 4 {
			break // it is made of the first
		}
	}
	for _, n := range d.Namespaces {
		told := slices.ContainsFunc(n.Neighbours, func(e Neighbour) bool { return e.MAC == i.MAC }) ||
			slices.ContainsFunc(n.FDB, func(e FDB) bool { return e.MAC == i.MAC })
		if told && i.MAC != forAll {
			return quoted(strings.ToLower(i.MAC))
		}
	}
	return ""
}
