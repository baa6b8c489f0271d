package topology

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Tables of iptables that rules are written into.
const (
	TableFilter = "filter"
	TableNAT    = "nat"
)

// Rule is a rule of a chain in the words of iptables(8). Two rules are the same
// when == says so; a field with the zero value asks for nothing.
type Rule struct {
	Table            string // TableFilter or TableNAT
	Chain            string
	IPv6             bool   // of ip6tables
	InDev, OutDev    string // -i, -o: "!" in front inverts, a last "+" is a wildcard
	Source           netip.Prefix
	NotSource        bool
	Destination      netip.Prefix
	NotDestination   bool
	Protocol         string // tcp, udp, icmp or ipv6-icmp
	SrcPort, DstPort uint16
	SrcType, DstType string         // of -m addrtype: LOCAL ...
	CTState          string         // of -m conntrack, in the order of iptables: "RELATED,ESTABLISHED"
	Target           string         // ACCEPT, DROP ... or a chain; empty when there is none
	To               netip.AddrPort // of SNAT (port 0) and DNAT (port 0: unchanged)
}

// chains are those that iptables has by itself in each table.
var chains = map[string][]string{
	TableFilter: {"INPUT", "FORWARD", "OUTPUT"},
	TableNAT:    {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"},
}

// BuiltinChain says whether a table has a chain by itself: those that the
// kernel calls, with a policy.
func BuiltinChain(table, chain string) bool { return slices.Contains(chains[table], chain) }

// targets are what a rule of each table may lead to, beside other chains.
var targets = map[string][]string{
	TableFilter: {"ACCEPT", "DROP", "REJECT", "RETURN"},
	TableNAT:    {"ACCEPT", "DNAT", "MASQUERADE", "RETURN", "SNAT"},
}

// Target says whether iptables knows a target in a table, and a rule may so
// lead to it; everything else is the name of a chain.
func Target(table, target string) bool { return slices.Contains(targets[table], target) }

// Words are the rule as one types it behind `iptables -A CHAIN`.
func (r Rule) Words() []string {
	words := slices.Concat(
		inverted(r.NotSource, "-s", prefixText(r.Source)), inverted(r.NotDestination, "-d", prefixText(r.Destination)),
		devWords("-i", r.InDev), devWords("-o", r.OutDev), given("-p", r.Protocol),
		given("--sport", portText(r.SrcPort)), given("--dport", portText(r.DstPort)),
	)
	if r.SrcType != "" || r.DstType != "" {
		words = slices.Concat(words, []string{"-m", "addrtype"}, given("--src-type", r.SrcType), given("--dst-type", r.DstType))
	}
	if r.CTState != "" {
		words = append(words, "-m", "conntrack", "--ctstate", r.CTState)
	}
	return slices.Concat(words, given("-j", r.Target), r.toWords())
}

func (r Rule) toWords() []string {
	to := r.To.String()
	if r.To.Port() == 0 {
		to = r.To.Addr().String()
	}
	switch r.Target {
	case "SNAT":
		return []string{"--to-source", to}
	case "DNAT":
		return []string{"--to-destination", to}
	}
	return nil
}

func given(flag, value string) []string {
	if value == "" {
		return nil
	}
	return []string{flag, value}
}

func inverted(not bool, flag, value string) []string {
	words := given(flag, value)
	if not {
		words = append([]string{"!"}, words...)
	}
	return words
}

func devWords(flag, dev string) []string {
	name, not := strings.CutPrefix(dev, "!")
	return inverted(not, flag, strings.TrimSpace(name))
}

func prefixText(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

func portText(port uint16) string {
	if port == 0 {
		return ""
	}
	return strconv.Itoa(int(port))
}

// NAT is an address translation rule. Kind is masquerade, snat or dnat, or
// chain: then Rule is the rule, or the chain when it has no target.
type NAT struct {
	Rule    Rule
	Kind    Word
	In      Word           // namespace; Host when not given
	From    netip.Prefix   // masquerade, snat: the source
	To      netip.AddrPort // snat: the new source (port 0); dnat: the new destination (port 0: unchanged)
	Proto   string         // dnat: tcp or udp
	Port    uint16         // dnat: the port asked for
	Dest    netip.Addr     // dnat: only when asked for at this address (`address`); invalid: any
	InDev   string         // `in-dev`: iptables -i, may begin with "!"
	OutDev  string         // `out-dev`: iptables -o, may begin with "!"
	Outside bool
	Pos     Pos
}

// Filter is an item of `filter`: a rule, the policy of a chain, or a chain, when
// the rule has no target.
type Filter struct {
	Rule    Rule
	In      Word   // namespace; Host when not given
	Policy  string // ACCEPT or DROP; empty for rules and chains
	Outside bool
	Pos     Pos
}
