package topology

import (
	"fmt"
	"net/netip"
	"strings"
)

// Directory answers what a state does, for those who ask many times: what is
// known of a node is looked up once.
type Directory struct {
	state     *State
	addresses map[string][]netip.Prefix
	nodes     map[string]bool
}

// Directory of the state, which must not change any more.
func (s *State) Directory() *Directory {
	return &Directory{s, map[string][]netip.Prefix{}, map[string]bool{}}
}

// HasNode is [State.HasNode].
func (d *Directory) HasNode(name string) bool {
	has, known := d.nodes[name]
	if !known {
		has = d.state.HasNode(name)
		d.nodes[name] = has
	}
	return has
}

func (d *Directory) addressesOf(node string) []netip.Prefix {
	as, known := d.addresses[node]
	if !known {
		as = d.state.AddressesOf(node)
		d.addresses[node] = as
	}
	return as
}

// Resolve turns what a probe names as its target into an address: an address
// as it is, a node into the address that `from` shares a network with, else
// into its first. It fails for a name that is no node or has no address.
func (d *Directory) Resolve(from, to string) (netip.Addr, error) {
	if strings.ContainsAny(to, ".:") { // most are names, and a refusal costs memory
		if a, err := netip.ParseAddr(to); err == nil {
			return a, nil
		}
	}
	theirs := d.addressesOf(to)
	for _, mine := range d.addressesOf(from) {
		for _, t := range theirs {
			if mine.Masked() == t.Masked() {
				return t.Addr(), nil
			}
		}
	}
	if len(theirs) > 0 {
		return theirs[0].Addr(), nil
	}
	if ns, ok := d.state.Namespace(d.state.Home(to)); ok && len(ns.LoAddress) > 0 {
		return ns.LoAddress[0].Prefix.Addr(), nil
	}
	if !d.HasNode(to) {
		return netip.Addr{}, fmt.Errorf("%q is neither an address nor a node of this lab", to)
	}
	return netip.Addr{}, fmt.Errorf("%s has no address at this step", to)
}

// Resolve is [Directory.Resolve], for a single question.
func (s *State) Resolve(from, to string) (netip.Addr, error) {
	return s.Directory().Resolve(from, to)
}
