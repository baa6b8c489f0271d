package topology

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// nat reads one rule: masquerade, snat or dnat, or a rule with its chain.
func (p *parser) nat(path string, v Value) (NAT, bool) {
	before := p.count
	a := p.object(path, v, "nat")
	p.paths[v.Pos] = path
	n := NAT{Kind: p.kindOfItem(a, natKinds, "masquerade: 192.168.15.0/24"), In: p.inside(a), Pos: v.Pos}
	if n.Kind.Text == "chain" {
		p.foreign(a, &n, "address")
		n.Rule = p.rule(a, TableNAT)
		return n, p.count == before
	}
	p.foreign(a, &n, ruleKeys...)
	n.InDev, n.OutDev = p.dev(a, "in-dev"), p.dev(a, "out-dev")
	switch n.Kind.Text {
	case "masquerade":
		p.source(a, &n, "to", "address", "in-dev")
	case "snat":
		p.source(a, &n, "address", "in-dev")
		p.newSource(a, &n)
	case "dnat":
		p.dnat(a, &n)
	}
	return n, p.count == before && n.Kind.Text != ""
}

// natReasons says why a key does not go with a kind of rule.
var natReasons = map[string]string{
	"in-dev":  "POSTROUTING only knows where a packet leaves: use `out-dev`",
	"out-dev": "PREROUTING comes before the routing decision: use `in-dev`",
	"to":      "masquerade takes the address of the interface that the packet leaves by: `snat` has a `to`",
	"address": "only `dnat` asks for the address at which a packet arrived",
}

// ruleKeys are those of a rule that names its chain.
var ruleKeys = []string{"family", "source", "destination", "protocol", "sport", "dport", "ctstate", "src-type", "dst-type", "target"}

const ruleReason = "write the rule with its `chain`, in the words of iptables: {chain: POSTROUTING, source: 10.0.0.0/8, target: MASQUERADE}"

func (p *parser) foreign(a *Args, n *NAT, keys ...string) {
	for _, key := range keys {
		if reason := cmp.Or(natReasons[key], ruleReason); n.Kind.Text != "" && a.has(key) {
			a.complain(keyPos(a.v, key), at(a.path, key), "%s has no `%s`: %s", n.Kind, key, reason)
		}
	}
}

func (p *parser) source(a *Args, n *NAT, foreign ...string) {
	p.foreign(a, n, foreign...)
	w := a.Required(n.Kind.Text, "192.168.15.0/24")
	if w.Text == "" {
		return
	}
	var problem string
	if n.From, problem = network(w.Text); problem != "" {
		p.add(w.Pos, at(a.path, n.Kind.Text), "%s", problem)
	}
}

func (p *parser) newSource(a *Args, n *NAT) {
	w := a.Required("to", "192.168.1.2")
	if w.Text == "" {
		return
	}
	addr, problem := parseAddr(w.Text)
	if problem == "" && n.From.IsValid() && n.From.Addr().Is4() != addr.Is4() {
		problem = fmt.Sprintf("%s cannot become %s: they are of different families", n.From, addr)
	}
	if problem != "" {
		p.add(w.Pos, at(a.path, "to"), "%s", problem)
	}
	n.To = netip.AddrPortFrom(addr, 0)
}

func (p *parser) dnat(a *Args, n *NAT) {
	p.foreign(a, n, "out-dev")
	if w := a.Required("dnat", "80/tcp"); w.Text != "" {
		var problem string
		if n.Port, n.Proto, problem = arrival(w.Text); problem != "" {
			p.add(w.Pos, at(a.path, "dnat"), "%s", problem)
		}
	}
	w := a.Required("to", `"192.168.15.2:80"`)
	if w.Text == "" {
		return
	}
	var problem string
	if n.To, problem = target(w.Text); problem != "" {
		p.add(w.Pos, at(a.path, "to"), "%s", problem)
		return
	}
	p.dest(a, n)
}

// dest reads `address`: where the packet was sent to.
func (p *parser) dest(a *Args, n *NAT) {
	w := a.Word("address")
	if w.Text == "" {
		return
	}
	addr, problem := parseAddr(w.Text)
	if problem == "" && addr.Is4() != n.To.Addr().Is4() {
		problem = fmt.Sprintf("what arrives at %s cannot be sent on to %s: they are of different families", addr, n.To.Addr())
	}
	if problem != "" {
		p.add(w.Pos, at(a.path, "address"), "%s", problem)
	}
	n.Dest = addr
}

// arrival reads PORT/PROTOCOL.
func arrival(text string) (uint16, string, string) {
	digits, proto, ok := strings.Cut(text, "/")
	if strings.Contains(digits, "-") && len(digits) > 1 && digits[0] != '-' {
		return 0, "", fmt.Sprintf("%q: one port per rule, for example 80/tcp", cut(text))
	}
	port, problem := number(digits, 1, 65535)
	switch {
	case problem != "":
		return 0, "", "port: " + problem
	case !ok:
		return 0, "", fmt.Sprintf("%s lacks its protocol: write %s/tcp or %s/udp (only these have ports, which is why iptables wants -p tcp before --dport)", digits, digits, digits)
	case proto != "tcp" && proto != "udp":
		return 0, "", fmt.Sprintf("%q: the protocol must be tcp or udp", cut(text))
	}
	return uint16(port), proto, ""
}

// target reads ADDRESS, ADDRESS:PORT or [IPv6]:PORT.
func target(text string) (netip.AddrPort, string) {
	if a, problem := parseAddr(text); problem == "" {
		return netip.AddrPortFrom(a, 0), ""
	} else if a.IsValid() {
		return netip.AddrPort{}, problem
	}
	i := strings.LastIndexByte(text, ':')
	if i < 0 || strings.Count(text, ":") > 1 && !strings.HasPrefix(text, "[") {
		_, problem := parseAddr(text)
		return netip.AddrPort{}, problem
	}
	ip := strings.TrimSuffix(strings.TrimPrefix(text[:i], "["), "]")
	addr, problem := parseAddr(ip)
	if problem != "" {
		return netip.AddrPort{}, problem
	}
	port, problem := number(text[i+1:], 1, 65535)
	if problem != "" {
		return netip.AddrPort{}, "port: " + problem
	}
	return netip.AddrPortFrom(addr, uint16(port)), ""
}

func (w *world) dropNAT(f []string) bool {
	n := len(w.NAT)
	w.NAT = slices.DeleteFunc(w.NAT, func(x NAT) bool { return x.written() == strings.Join(f, " ") || x.sameSource(f) })
	return len(w.NAT) < n
}

// written is a rule as `remove` names it.
func (n NAT) written() string {
	switch n.Kind.Text {
	case "dnat":
		return "dnat " + number16(n.Port) + "/" + n.Proto
	case "chain":
		return Filter{Rule: n.Rule}.written()
	}
	return n.Kind.Text + " " + n.From.String()
}

func (n NAT) sameSource(f []string) bool {
	if len(f) != 2 {
		return false
	}
	p, problem := network(f[1])
	return problem == "" && n.Kind.Text == f[0] && n.From == p
}

// dev reads an interface name that may begin with "!" and end with "+", as
// iptables(8) has it.
func (p *parser) dev(a *Args, key string) string {
	w := a.Word(key)
	p.paths[w.Pos] = at(a.path, key)
	name := strings.TrimSpace(strings.TrimPrefix(w.Text, "!"))
	if w.Pos.Line == 0 {
		return ""
	}
	if problem := devProblem(strings.TrimSuffix(name, "+")); problem != "" {
		p.add(w.Pos, at(a.path, key), "%s", problem)
	}
	if name != w.Text {
		return "!" + name
	}
	return name
}
