package discover

import (
	"net/netip"
	"slices"
	"strings"

	"nslab/topology"
)

// Rule is a rule of netfilter in the words of iptables, by whomever it was
// made: with nft, iptables, or iptables-legacy.
type Rule struct {
	Table   string         `json:"table"` // "ip nat"
	Chain   string         `json:"chain"`
	Kind    string         `json:"kind,omitempty"`     // masquerade, snat, dnat or redirect, when it translates addresses
	From    netip.Prefix   `json:"from,omitzero"`      // iptables -s
	NotFrom bool           `json:"not-from,omitempty"` // ! -s
	Dest    netip.Prefix   `json:"dest,omitzero"`      // iptables -d
	NotDest bool           `json:"not-dest,omitempty"` // ! -d
	Proto   string         `json:"proto,omitempty"`    // tcp, udp, icmp or ipv6-icmp
	SrcPort uint16         `json:"src-port,omitempty"`
	Port    uint16         `json:"port,omitempty"`   // the one asked for
	InDev   string         `json:"in-dev,omitempty"` // "!docker0" is any other, "eth+" all that begin so
	OutDev  string         `json:"out-dev,omitempty"`
	SrcType string         `json:"src-type,omitempty"` // of -m addrtype: LOCAL
	DstType string         `json:"dst-type,omitempty"`
	State   string         `json:"ctstate,omitempty"` // of -m conntrack: "RELATED,ESTABLISHED"
	Target  string         `json:"target,omitempty"`  // iptables -j
	To      netip.AddrPort `json:"to,omitzero"`       // port 0 keeps the port
	Whole   bool           `json:"whole"`             // it asks for nothing but what stands here
}

// Chain is a chain of a table of iptables, filter or nat.
type Chain struct {
	Table  string `json:"table"` // "ip filter"
	Name   string `json:"name"`
	Policy string `json:"policy,omitempty"` // ACCEPT or DROP, of those that the kernel calls
	Rules  []Rule `json:"rules,omitempty"`
	Legacy bool   `json:"legacy,omitempty"` // iptables-legacy has it
}

// iptables is the rule as a lab file knows it.
func (r Rule) iptables() topology.Rule {
	table, ipv6 := tableOf(r.Table)
	return topology.Rule{
		Table: table, Chain: r.Chain, IPv6: ipv6, InDev: r.InDev, OutDev: r.OutDev,
		Source: r.From, NotSource: r.NotFrom, Destination: r.Dest, NotDestination: r.NotDest,
		Protocol: r.Proto, SrcPort: r.SrcPort, DstPort: r.Port, SrcType: r.SrcType, DstType: r.DstType,
		CTState: r.State, Target: r.Target, To: r.To,
	}
}

// tableOf takes "ip6 nat" apart.
func tableOf(table string) (name string, ipv6 bool) {
	family, name, _ := strings.Cut(table, " ")
	return name, family == "ip6"
}

// String is the rule as iptables spells it; "..." stands for what is not told.
func (r Rule) String() string {
	typed := r.iptables()
	target := typed.Target
	if target != "SNAT" && target != "DNAT" {
		typed.To = netip.AddrPort{}
	}
	words := typed.Words()
	if !r.Whole {
		at := len(words)
		if i := slices.Index(words, "-j"); target != "" && i >= 0 {
			at = i
		}
		words = slices.Insert(words, at, "...")
	}
	for i, w := range words {
		words[i] = topology.Quote(w)
	}
	return strings.Join(words, " ")
}

// simple says whether the rule asks for nothing but addresses, interfaces, a
// protocol and the port asked for.
func (r Rule) simple() bool {
	return r.Whole && !r.NotFrom && !r.NotDest && r.SrcPort == 0 && r.SrcType == "" && r.DstType == "" && r.State == ""
}

// hasPort says whether the rule is for a protocol that has ports.
func (r Rule) hasPort() bool { return r.Proto == "tcp" || r.Proto == "udp" }
