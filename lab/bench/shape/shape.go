// Package shape describes the networks that `make bench` builds, once for all
// who build them: as a lab file for nslab, as commands for ip(8), and as raw
// messages for the floor.
package shape

import (
	"fmt"
	"net/netip"
	"slices"
)

// Host is the lab's host among the nodes; the others are numbered from 0.
const Host = -1

// Switch is the name of the bridge on the host.
const Switch = "sw"

// Shape is a network. Every namespace has lo up, every interface is up.
type Shape struct {
	Name       string
	Nodes      []Node
	Links      []Link
	Bridge     netip.Prefix // address of the switch on the host; invalid: there is none
	Forwarding bool         // of the host
	Ports      []Port
	Among      []int  // every ordered pair of these is pinged
	Pings      []Ping // and these
}

// Node is a namespace.
type Node struct {
	Name       string
	Addr       netip.Addr // by which the others ping it
	Gateway    netip.Addr // of its default route; invalid: it has none
	Routes     []Route
	Forwarding bool
	TTL        int // net.ipv4.ip_default_ttl; 0 leaves it alone
}

// Route is a way to a network.
type Route struct {
	To  netip.Prefix
	Via netip.Addr
}

// Link is a cable. A's node comes before B's.
type Link struct{ A, B End }

// End of a cable. One on the host without an address is a port of the switch.
type End struct {
	Node int
	Name string
	Addr netip.Prefix
}

// Port is a published port of the host: TCP to Port leads to To, where a
// service of node In answers. Client, another node, asks for it at At.
type Port struct {
	Port       uint16
	To         netip.AddrPort
	In, Client int
	At         netip.Addr
}

// Ping is one echo request that must be answered.
type Ping struct {
	From, To int
	Addr     netip.Addr
}

// New makes the shape of a name with n of whatever it is made of.
func New(name string, n int) (Shape, error) {
	of, ok := map[string]func(int) Shape{"star": Star, "line": Line, "tree": Tree, "ports": Ports}[name]
	switch {
	case !ok:
		return Shape{}, fmt.Errorf("no shape %q: there is star, line, tree and ports", name)
	case n < 2 || n > 4000 || name == "tree" && (n%2 == 1 || n > 16):
		return Shape{}, fmt.Errorf("%s of %d: want 2 to 4000, of a tree an even number up to 16", name, n)
	}
	return of(n), nil
}

// blockSize is how many are asked by one and ask it before the next has its
// turn: so only few sockets need be open at a time.
const blockSize = 50

// All are all pings.
func (s Shape) All() []Ping {
	out := slices.Clone(s.Pings)
	for block := range slices.Chunk(s.Among, blockSize) {
		for _, a := range s.Among {
			for _, b := range block {
				if a < b {
					out = append(out, Ping{a, b, s.Nodes[b].Addr}, Ping{b, a, s.Nodes[a].Addr})
				}
			}
		}
	}
	return out
}

// connect lays a cable between two nodes with a network of its own, whose
// addresses follow each other, and returns them.
func (s *Shape) connect(a int, aName string, b int, bName string, first netip.Addr) (netip.Addr, netip.Addr) {
	s.Links = append(s.Links, Link{
		End{a, aName, netip.PrefixFrom(first, 30)},
		End{b, bName, netip.PrefixFrom(first.Next(), 30)},
	})
	return first, first.Next()
}

// net10 is an address of 10.0.0.0/8.
func net10(b, c, d int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(b), byte(c), byte(d)})
}
