package topology

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

const exampleFilter = `filter: [{chain: FORWARD, in-dev: v-net-0, target: ACCEPT}]`

// filter reads one item of `filter`: a rule, a chain, or the policy of one.
func (p *parser) filter(path string, v Value) (Filter, bool) {
	before := p.count
	a := p.object(path, v, "filter")
	p.paths[v.Pos] = path
	f := Filter{In: p.inside(a), Pos: v.Pos}
	f.Rule = p.rule(a, TableFilter)
	if a.has("policy") {
		f.Policy = a.OneOf("policy", "", "ACCEPT", "DROP")
		p.policy(a, f.Rule)
	}
	return f, p.count == before
}

// inside reads the namespace of a rule.
func (p *parser) inside(a *Args) Word {
	w := a.Word("in")
	p.paths[w.Pos] = at(a.path, "in")
	if w.Text == "" {
		w.Text = Host
	}
	return w
}

// policy makes sure that a policy stands alone, at a chain that can have one.
func (p *parser) policy(a *Args, r Rule) {
	path := at(a.path, "policy")
	for _, key := range append([]string{"target"}, matchKeys...) {
		if a.has(key) {
			p.add(keyPos(a.v, key), at(a.path, key), "a policy is for what no rule takes: it asks for nothing (`iptables -P %s DROP`)", r.Chain)
			return
		}
	}
	if r.Chain != "" && !BuiltinChain(r.Table, r.Chain) {
		p.add(keyPos(a.v, "policy"), path, "%s has no policy: only %s have one, what leaves another chain goes on in the one it came from",
			cut(r.Chain), strings.Join(chains[r.Table], ", "))
	}
}

// matchKeys are what a rule may ask of a packet.
var matchKeys = []string{"in-dev", "out-dev", "source", "destination", "protocol", "sport", "dport", "ctstate", "src-type", "dst-type"}

// rule reads a rule of a table. One without a target is a chain by itself.
func (p *parser) rule(a *Args, table string) Rule {
	r := Rule{Table: table, Chain: p.chain(a, table)}
	r.InDev, r.OutDev = p.dev(a, "in-dev"), p.dev(a, "out-dev")
	r.Source, r.NotSource = p.net(a, "source")
	r.Destination, r.NotDestination = p.net(a, "destination")
	r.Protocol = a.OneOf("protocol", "", "tcp", "udp", "icmp")
	r.SrcPort, r.DstPort = uint16(a.Int("sport", 0, 1, 65535)), uint16(a.Int("dport", 0, 1, 65535))
	r.SrcType, r.DstType = a.OneOf("src-type", "", addrTypes...), a.OneOf("dst-type", "", addrTypes...)
	r.CTState = p.states(a)
	r.Target = p.target(a, r)
	r.To = p.ruleTo(a, r)
	r.IPv6 = p.family(a, r)
	if r.IPv6 && r.Protocol == "icmp" {
		r.Protocol = "ipv6-icmp"
	}
	p.sense(a, r)
	return r
}

// addrTypes are what iptables-extensions(8) can ask of an address.
var addrTypes = []string{"LOCAL", "UNICAST", "BROADCAST", "MULTICAST"}

// ctStates are the states of a connection, in the order in which iptables prints them.
var ctStates = []string{"INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT"}

func (p *parser) states(a *Args) string {
	var out []string
	words := a.Words("ctstate")
	for _, s := range ctStates {
		if slices.ContainsFunc(words, func(w Word) bool { return w.Text == s }) {
			out = append(out, s)
		}
	}
	for _, w := range words {
		if !slices.Contains(ctStates, w.Text) {
			p.add(w.Pos, at(a.path, "ctstate"), "%s", Unknown("state of a connection", w.Text, ctStates))
		}
	}
	return strings.Join(out, ",")
}

// net reads a network that may begin with "!", as iptables(8) has it.
func (p *parser) net(a *Args, key string) (n netip.Prefix, not bool) {
	w := a.Word(key)
	if w.Pos.Line == 0 {
		return n, false
	}
	text, not := strings.CutPrefix(w.Text, "!")
	n, problem := network(strings.TrimSpace(text))
	if problem == "" && n.Bits() == 0 {
		problem = fmt.Sprintf("%s is every address: leave `%s` out", n, key)
	}
	if problem != "" {
		p.add(w.Pos, at(a.path, key), "%s", problem)
	}
	return n, not
}

// chain reads the name of the chain that a rule stands in.
func (p *parser) chain(a *Args, table string) string {
	w := a.Required("chain", chains[table][len(chains[table])-2])
	if w.Text == "" || BuiltinChain(table, w.Text) {
		return w.Text
	}
	if problem := ChainProblem(table, w.Text); problem != "" {
		p.add(w.Pos, at(a.path, "chain"), "%s", problem)
	}
	return w.Text
}

// maxChain is XT_EXTENSION_MAXNAMELEN - 1, as iptables -N has it.
const maxChain = 28

// ChainProblem says why a chain of one's own cannot be called so in a table, ""
// when it can.
func ChainProblem(table, name string) string {
	other := map[string]string{TableFilter: TableNAT, TableNAT: TableFilter}[table]
	switch near := Nearest(name, chains[table]); {
	case BuiltinChain(other, name):
		return fmt.Sprintf("table %s has no chain %s: it has %s", table, name, strings.Join(chains[table], ", "))
	case near != "":
		return fmt.Sprintf("%q is nearly %s: write that, or choose a name that cannot be taken for it", cut(name), near)
	case slices.Contains(targets[table], name) || slices.Contains(targets[other], name):
		return fmt.Sprintf("a chain cannot be called %s: that is what a rule does with a packet", name)
	case len(name) > maxChain:
		return fmt.Sprintf("the name %q has %d characters, iptables allows %d", cut(name), len(name), maxChain)
	case !nodeName().MatchString(name):
		return fmt.Sprintf("the name %q is not valid: use a-z, A-Z, 0-9, - and _, and begin with a letter", cut(name))
	}
	return ""
}

// family is that of the addresses, else as the file says, else IPv4.
func (p *parser) family(a *Args, r Rule) (ipv6 bool) {
	named := a.OneOf("family", "", "ipv4", "ipv6")
	seen := map[bool]bool{}
	for _, addr := range []netip.Addr{r.Source.Addr(), r.Destination.Addr(), r.To.Addr()} {
		if addr.IsValid() {
			seen[addr.Is6()] = true
		}
	}
	if named != "" {
		seen[named == "ipv6"] = true
	}
	if len(seen) > 1 {
		a.Complain(a.v.Pos, "the addresses of a rule are of one family: iptables has the rules of IPv4, ip6tables those of IPv6")
	}
	return seen[true]
}
