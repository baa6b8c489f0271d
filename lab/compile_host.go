package lab

import (
	"slices"

	"nslab/lab/op"
	"nslab/topology"
)

// host prepares a sandbox's host for IPv6, when the file says nothing of it.
func (c *compiler) host() {
	if _, said := c.state.Namespace(topology.Host); c.ipv6 && !said {
		c.add(topology.Pos{}, noDAD(topology.Host))
	}
}

// plainBridges makes the sandbox's host the machine of the lecture. A fresh
// namespace sends bridged frames through iptables where br_netfilter is in
// the kernel, and then a masquerade rule rewrites what never leaves the bridge.
func (c *compiler) plainBridges() {
	pos, there := c.bridged()
	if !there {
		return
	}
	keys := []string{"iptables"}
	if c.ipv6 {
		keys = append(keys, "ip6tables")
	}
	for _, key := range keys {
		key = "net.bridge.bridge-nf-call-" + key
		own := func(n topology.Namespace) bool { return n.Name.Text == topology.Host && says(&n, key) }
		if !slices.ContainsFunc(c.state.Namespaces, own) { // else the lesson is about that
			c.add(pos, op.Sysctl{NS: topology.Host, Key: key, Value: "0", Optional: true})
		}
	}
}

// bridged says what puts a bridge on the host: the file itself, or a plugin that
// it has called. There are many that make one, and the setting harms nobody else.
func (c *compiler) bridged() (pos topology.Pos, there bool) {
	for _, b := range c.state.Bridges {
		if b.In.Text == topology.Host {
			return b.Name.Pos, true
		}
	}
	for i := range c.state.Namespaces {
		if attached := c.state.Namespaces[i].CNI; len(attached) > 0 {
			return attached[0].Pos, true
		}
	}
	return topology.Pos{}, false
}

// noDAD makes the addresses of interfaces to come usable at once. The kernel
// would spend a second or two asking whether somebody else has its link-local
// address (RFC 4862 section 5.4), and a router without one cannot ask for its
// neighbours: the first packet would be lost.
func noDAD(ns string) op.Op {
	return op.Sysctl{NS: ns, Key: "net.ipv6.conf.default.accept_dad", Value: "0", Optional: true}
}
