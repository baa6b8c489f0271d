package lab

import (
	"fmt"

	"nslab/lab/op"
	"nslab/topology"
)

// cutting are settings of the host that take its IPv6 away: a machine that
// forwards ignores router advertisements and loses its default route, one
// without IPv6 loses its addresses for good.
var cutting = topology.Pattern(`^net\.ipv6\.conf\.([^.]+)\.(forwarding|disable_ipv6|accept_ra)$`)

// setting refuses to cut the machine off by a sysctl.
func (m *machine) setting(w wanted, s Step) *Collision {
	o, ok := s.Op.(op.Sysctl)
	if !ok || o.NS != topology.Host {
		return nil
	}
	found := cutting().FindStringSubmatch(o.Key)
	if found == nil || w.made[found[1]] {
		return nil
	}
	return &Collision{
		s.Pos, fmt.Sprintf("%s=%s would change IPv6 of the whole machine, which may lose its addresses or its default route by that", o.Key, o.Value),
		[]string{"leave it out: IPv4 forwarding alone is put back safely", inSandbox},
	}
}
