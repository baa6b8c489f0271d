package lab

import (
	"nslab/lab/op"
	"nslab/topology"
)

// resolver refuses to take this machine's own name server away.
func (m *machine) resolver(_ wanted, s Step) *Collision {
	o, ok := s.Op.(op.Resolv)
	if !ok || o.NS != topology.Host {
		return nil
	}
	return &Collision{
		s.Pos, "the resolv.conf of the host is that of this whole machine: it would look up all names by the lab",
		[]string{"leave it out: the other namespaces have a resolv.conf of their own", inSandbox},
	}
}
