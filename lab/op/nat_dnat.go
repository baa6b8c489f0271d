package op

import (
	"fmt"
	"net/netip"

	"nslab/topology"
)

// DNAT is the fact that what asks for a port is led to another address: DNAT
// of iptables-extensions(8).
type DNAT struct {
	NS    string
	Proto string         // tcp or udp
	Dest  netip.Addr     // only when asked for at this address; invalid: at any
	Port  uint16         // the port asked for
	To    netip.AddrPort // where it leads; port 0 keeps the port
	InDev string         // iptables -i, as Masquerade.OutDev
	Local bool           // for what the namespace itself sends (OUTPUT), not for what arrives
}

func (d DNAT) chain() string {
	if d.Local {
		return "OUTPUT"
	}
	return "PREROUTING"
}

func (d DNAT) kind() string {
	if d.Local {
		return "dnat-local"
	}
	return "dnat"
}

func (d DNAT) rule() chainRule {
	r := topology.Rule{
		Chain: d.chain(), IPv6: d.To.Addr().Is6(), InDev: d.InDev, Protocol: d.Proto, DstPort: d.Port, Target: "DNAT", To: d.To,
	}
	if d.Dest.IsValid() {
		r.Destination = netip.PrefixFrom(d.Dest, d.Dest.BitLen())
	}
	return translation(d.NS, r, natObject(d.kind(), d.asked(), d.InDev, d.target()), d.flows())
}

// target is "192.168.15.2:80", or the address alone.
func (d DNAT) target() string {
	if d.To.Port() == 0 {
		return d.To.Addr().String()
	}
	return d.To.String()
}

// asked is "80/tcp", with the address where one is asked for.
func (d DNAT) asked() string {
	if d.Dest.IsValid() {
		return fmt.Sprintf("%s/%s", netip.AddrPortFrom(d.Dest, d.Port), d.Proto)
	}
	return fmt.Sprintf("%d/%s", d.Port, d.Proto)
}

// Before says how much of the table was there already.
func (d DNAT) Before(k *Kernel) (string, error) { return d.rule().before(k, k.was(d)) }

// Do appends the rule, with the chain and the table where they are missing.
func (d DNAT) Do(k *Kernel) error { return d.rule().do(k, k.was(d)) }

// Undo removes the rule, and the chain and the table when the lab made them.
func (d DNAT) Undo(k *Kernel) error { return d.rule().undo(k, k.was(d)) }

// Diff looks for the rule by the lab's mark.
func (d DNAT) Diff(k *Kernel) (string, error) { return d.rule().diff(k) }

// Command is iptables -A.
func (d DNAT) Command() Command { return d.rule().command("-A") }

// Inverse is iptables -D.
func (d DNAT) Inverse() Command { return d.rule().command("-D") }

func (d DNAT) String() string {
	s := fmt.Sprintf("port %s %s leads to %s", d.asked(), place(d.NS), d.target())
	if d.Local {
		s += ", for the host's own programs"
	}
	switch name, inverted := splitDev(d.InDev); {
	case name == "":
		return s
	case inverted:
		return s + ", unless it comes in by " + name
	default:
		return s + ", when it comes in by " + name
	}
}

// On is the namespace.
func (d DNAT) On() []Object { return []Object{NetNS(d.NS)} }
