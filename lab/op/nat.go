package op

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"

	"nslab/topology"
)

// Masquerade is the fact that what comes from a network leaves under the
// address of the interface it leaves by: MASQUERADE of iptables-extensions(8).
type Masquerade struct {
	NS     string
	From   netip.Prefix
	OutDev string // iptables -o: "!" in front inverts, a last "+" is a wildcard, "" is any

	// New says that nobody has From yet: no flow can begin without the rule, and
	// those of whoever had it before ended with theirs. To look for one takes the
	// kernel milliseconds.
	New bool `json:",omitempty"`
}

// SNAT is the same with an address that is given: SNAT of iptables-extensions(8).
type SNAT struct {
	NS     string
	From   netip.Prefix
	To     netip.Addr
	OutDev string // as of Masquerade
}

// ReadNAT turns a rule of the file into its fact.
func ReadNAT(n topology.NAT) Op {
	ns := n.In.Text
	if ns == "" {
		ns = topology.Host
	}
	switch n.Kind.Text {
	case "dnat":
		return DNAT{NS: ns, Proto: n.Proto, Dest: n.Dest, Port: n.Port, To: n.To, InDev: n.InDev}
	case "snat":
		return SNAT{NS: ns, From: n.From.Masked(), To: n.To.Addr(), OutDev: n.OutDev}
	default:
		return Masquerade{NS: ns, From: n.From.Masked(), OutDev: n.OutDev}
	}
}

func (m Masquerade) rule() chainRule {
	r := translation(m.NS, topology.Rule{
		Chain: "POSTROUTING", IPv6: m.From.Addr().Is6(), Source: some(m.From), OutDev: m.OutDev, Target: "MASQUERADE",
	}, natObject("masquerade", m.From.String(), m.OutDev), flowsFrom(m.From))
	r.early = m.New
	return r
}

// translation is a rule of table nat.
func translation(ns string, r topology.Rule, object string, flows func(*netlink.ConntrackFlow) bool) chainRule {
	r.Table = tableNAT
	c := ruleOf(ns, r)
	c.object, c.flows = object, flows
	return c
}

// some is a network; that of every address asks for nothing.
func some(p netip.Prefix) netip.Prefix {
	if p.Bits() <= 0 {
		return netip.Prefix{}
	}
	return p
}

// Before says how much of the table was there already.
func (m Masquerade) Before(k *Kernel) (string, error) { return m.rule().before(k, k.was(m)) }

// Do appends the rule, with the chain and the table where they are missing.
func (m Masquerade) Do(k *Kernel) error { return m.rule().do(k, k.was(m)) }

// Undo removes the rule, and the chain and the table when the lab made them.
func (m Masquerade) Undo(k *Kernel) error { return m.rule().undo(k, k.was(m)) }

// Diff looks for the rule by the lab's mark.
func (m Masquerade) Diff(k *Kernel) (string, error) { return m.rule().diff(k) }

// Command is iptables -A.
func (m Masquerade) Command() Command { return m.rule().command("-A") }

// Inverse is iptables -D.
func (m Masquerade) Inverse() Command { return m.rule().command("-D") }

func (m Masquerade) String() string {
	return fmt.Sprintf("%s is masqueraded %s%s", m.From, place(m.NS), leaving(m.OutDev))
}

// On is the namespace.
func (m Masquerade) On() []Object { return []Object{NetNS(m.NS)} }

func (s SNAT) rule() chainRule {
	return translation(s.NS, topology.Rule{
		Chain: "POSTROUTING", IPv6: s.From.Addr().Is6(), Source: some(s.From), OutDev: s.OutDev,
		Target: "SNAT", To: netip.AddrPortFrom(s.To, 0),
	}, natObject("snat", s.From.String(), s.OutDev, s.To.String()), flowsFrom(s.From))
}

// Before says how much of the table was there already.
func (s SNAT) Before(k *Kernel) (string, error) { return s.rule().before(k, k.was(s)) }

// Do appends the rule, with the chain and the table where they are missing.
func (s SNAT) Do(k *Kernel) error { return s.rule().do(k, k.was(s)) }

// Undo removes the rule, and the chain and the table when the lab made them.
func (s SNAT) Undo(k *Kernel) error { return s.rule().undo(k, k.was(s)) }

// Diff looks for the rule by the lab's mark.
func (s SNAT) Diff(k *Kernel) (string, error) { return s.rule().diff(k) }

// Command is iptables -A.
func (s SNAT) Command() Command { return s.rule().command("-A") }

// Inverse is iptables -D.
func (s SNAT) Inverse() Command { return s.rule().command("-D") }

func (s SNAT) String() string {
	return fmt.Sprintf("%s leaves as %s %s%s", s.From, s.To, place(s.NS), leaving(s.OutDev))
}

// On is the namespace.
func (s SNAT) On() []Object { return []Object{NetNS(s.NS)} }

// leaving puts -o into words.
func leaving(dev string) string {
	if not, ok := strings.CutPrefix(dev, "!"); ok {
		return ", unless it leaves by " + strings.TrimSpace(not)
	}
	if dev == "" {
		return ""
	}
	return ", when it leaves by " + dev
}

// splitDev takes the "!" from the name of an interface.
func splitDev(dev string) (name string, inverted bool) {
	name, inverted = strings.CutPrefix(dev, "!")
	return strings.TrimSpace(name), inverted
}
