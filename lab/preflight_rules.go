package lab

import (
	"fmt"
	"slices"

	"nslab/lab/op"
	"nslab/topology"
)

// rules refuses what would change the rules that this machine lives by.
func (m *machine) rules(w wanted, s Step) *Collision {
	switch o := s.Op.(type) {
	case op.Chain:
		if o.NS == topology.Host && m.chains[chainName(o)] {
			return &Collision{
				s.Pos, fmt.Sprintf("this machine has a chain %s in table %s already", o.Name, o.Table),
				[]string{"choose another name", inSandbox},
			}
		}
	case op.Policy:
		if o.NS == topology.Host {
			return &Collision{
				s.Pos, fmt.Sprintf("the policy of %s is for every packet of this machine, not for the lab's alone", o.Chain),
				[]string{"a rule with an `in-dev` or `out-dev` of the lab, and the target " + o.Target, inSandbox},
			}
		}
	case op.Rule:
		stops := slices.Contains([]string{"DROP", "REJECT"}, o.Target)
		if o.NS == topology.Host && stops && !w.made[o.InDev] && !w.made[o.OutDev] {
			return &Collision{
				s.Pos, "the rule would stop packets of this machine, not of the lab alone",
				[]string{"give it an `in-dev` or `out-dev` of the lab", inSandbox},
			}
		}
	}
	return nil
}

// chainName is "ip nat DOCKER", as m.chains has it.
func chainName(c op.Chain) string {
	if c.IPv6 {
		return "ip6 " + c.Table + " " + c.Name
	}
	return "ip " + c.Table + " " + c.Name
}

// leads is a fact as a DNAT, if it takes a port of its namespace.
func leads(o op.Op) (op.DNAT, bool) {
	switch o := o.(type) {
	case op.DNAT:
		return o, true
	case op.Rule:
		d := op.DNAT{NS: o.NS, Proto: o.Protocol, Port: o.DstPort, To: o.To, InDev: o.InDev}
		if o.Destination.IsSingleIP() && !o.NotDestination {
			d.Dest = o.Destination.Addr()
		}
		return d, o.Target == "DNAT" && o.DstPort != 0
	case op.Proxy:
		d := op.DNAT{NS: o.NS, Proto: o.Proto, Port: o.HostPort, To: o.To}
		if !o.HostIP.IsUnspecified() {
			d.Dest = o.HostIP
		}
		return d, true
	}
	return op.DNAT{}, false
}
