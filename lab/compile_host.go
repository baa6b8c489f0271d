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
	i := slices.IndexFunc(c.state.Bridges, func(b topology.Bridge) bool { return b.In.Text == topology.Host })
	if i < 0 {
		return
	}
	keys := []string{"iptables"}
	if c.ipv6 {
		keys = append(keys, "ip6tables")
	}
	for _, key := range keys {
		c.add(c.state.Bridges[i].Name.Pos, op.Sysctl{NS: topology.Host, Key: "net.bridge.bridge-nf-call-" + key, Value: "0", Optional: true})
	}
}

// noDAD makes the addresses of interfaces to come usable at once. The kernel
// would spend a second or two asking whether somebody else has its link-local
// address (RFC 4862 section 5.4), and a router without one cannot ask for its
// neighbours: the first packet would be lost.
func noDAD(ns string) op.Op {
	return op.Sysctl{NS: ns, Key: "net.ipv6.conf.default.accept_dad", Value: "0", Optional: true}
}
