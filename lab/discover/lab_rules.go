package discover

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"nslab/topology"
)

// rules writes the rules of a namespace: chain by chain as iptables has them,
// and from other tables what translates addresses.
func (d *draft) rules(n *Namespace) {
	written := d.publish(n)
	for _, c := range n.Chains {
		d.chain(n, c, written)
	}
	for _, r := range n.NAT {
		if !slices.Contains(iptablesTables, r.Table) {
			d.rule(n, r)
		}
	}
	for _, f := range n.Foreign {
		d.skip("in %s: %s", n.Name, f)
	}
}

// chain writes one, without the rules that the ports of the file will make.
func (d *draft) chain(n *Namespace, c Chain, written map[topology.Rule]bool) {
	table, ipv6 := tableOf(c.Table)
	if problem := topology.ChainProblem(table, c.Name); problem != "" && c.Policy == "" {
		d.skip("in %s: %s", n.Name, problem)
		return
	}
	empty := true
	for _, r := range c.Rules {
		if !written[r.iptables()] && d.chainRule(n, r) {
			empty = false
		}
	}
	end := map[bool]string{true: ", family: ipv6"}[ipv6] + d.in(n) + "}"
	switch {
	case empty && c.Policy == "":
		d.item(table, "- {chain: "+c.Name+end)
	case c.Policy == "DROP" && table == topology.TableFilter:
		d.item(table, "- {chain: "+c.Name+", policy: DROP"+end)
	}
}

// item adds a line to the rules of a table; one that is there already says
// nothing new.
func (d *draft) item(table, line string) bool {
	list := map[string]*[]string{topology.TableNAT: &d.nat, topology.TableFilter: &d.filter}[table]
	if slices.Contains(*list, line) {
		return false
	}
	*list = append(*list, line)
	return true
}

// homes are where the short words of `nat` have their rules.
var homes = map[string]string{"masquerade": "POSTROUTING", "snat": "POSTROUTING", "dnat": "PREROUTING"}

// chainRule writes a rule in the short words of the lecture where these mean
// the same, else with its chain. It says whether the file has it.
func (d *draft) chainRule(n *Namespace, r Rule) bool {
	words, ok := d.natWords(n, r)
	if !ok || r.Chain != homes[r.Kind] {
		words, ok = d.chainWords(n, r)
	}
	table, _ := tableOf(r.Table)
	if !ok || !d.item(table, "- {"+words+d.in(n)+"}") {
		d.skip("a rule in %s: %s: %s", n.Name, topology.Quote(r.Chain), r)
		return false
	}
	return true
}

// chainWords are a rule in the words of the file, ok when these can say it.
func (d *draft) chainWords(n *Namespace, r Rule) (line string, ok bool) {
	typed := r.iptables()
	if !r.Whole || r.Target == "" || !d.known(n, r.InDev) || !d.known(n, r.OutDev) || !d.leads(n, r) {
		return "", false
	}
	var words []string
	say := func(key, value string) {
		if value != "" {
			words = append(words, key+": "+value)
		}
	}
	say("chain", r.Chain)
	if typed.IPv6 {
		say("family", "ipv6")
	}
	say("in-dev", quoted(r.InDev))
	say("out-dev", quoted(r.OutDev))
	say("source", network(r.From, r.NotFrom))
	say("destination", network(r.Dest, r.NotDest))
	say("protocol", strings.TrimPrefix(r.Proto, "ipv6-"))
	say("sport", number(r.SrcPort))
	say("dport", number(r.Port))
	say("src-type", r.SrcType)
	say("dst-type", r.DstType)
	if r.State != "" {
		say("ctstate", "["+strings.ReplaceAll(r.State, ",", ", ")+"]")
	}
	say("target", r.Target)
	if r.To.IsValid() {
		say("to", quoted(ends(r.To)))
	}
	return strings.Join(words, ", "), r.Proto != map[bool]string{true: "icmp", false: "ipv6-icmp"}[typed.IPv6]
}

// leads says whether what a rule leads to will be there.
func (d *draft) leads(n *Namespace, r Rule) bool {
	table, _ := tableOf(r.Table)
	if topology.Target(table, r.Target) {
		return true
	}
	return topology.ChainProblem(table, r.Target) == "" && slices.ContainsFunc(n.Chains, func(c Chain) bool {
		return c.Table == r.Table && c.Name == r.Target
	})
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("%q", s)
}

func network(p netip.Prefix, not bool) string {
	switch {
	case !p.IsValid():
		return ""
	case not:
		return quoted("!" + p.String())
	}
	return quoted(p.String())
}

func number(port uint16) string {
	if port == 0 {
		return ""
	}
	return strconv.Itoa(int(port))
}

// ends is where a translation leads; port 0 keeps the port.
func ends(to netip.AddrPort) string {
	if to.Port() == 0 {
		return to.Addr().String()
	}
	return to.String()
}
