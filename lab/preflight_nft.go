package lab

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"
)

// forward is a port that a rule leads elsewhere.
type forward struct {
	proto string // "" when the rule does not say
	port  uint16
	where string // table and chain
}

// readFilter reads the rules of nf_tables, and of the old iptables, as far as
// they matter to a lab.
func readFilter(m *machine) error {
	m.chains = map[string]bool{}
	readLegacy(m)
	return eachChain(func(ch *nftables.Chain, rules []rule) {
		m.readChain(ch)
		for _, r := range rules {
			m.readRule(ch, r)
		}
	})
}

// eachChain hands every chain of nf_tables to f, with its rules. A kernel that
// has none is an error.
func eachChain(f func(*nftables.Chain, []rule)) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	chains, err := c.ListChains()
	if err != nil {
		return err
	}
	for _, ch := range chains {
		rules, _ := c.GetRules(ch.Table, ch) // none when the chain has gone since
		var out []rule
		for _, r := range rules {
			out = append(out, readRule(r.Exprs))
		}
		f(ch, out)
	}
	return nil
}

func (m *machine) readChain(ch *nftables.Chain) {
	ip := map[nftables.TableFamily]string{nftables.TableFamilyIPv4: "ip ", nftables.TableFamilyIPv6: "ip6 "}[ch.Table.Family]
	m.chains[ip+ch.Table.Name+" "+ch.Name] = true
	w := &m.wall
	w.docker = w.docker || ch.Name == "DOCKER-USER"
	w.ufw = w.ufw || strings.HasPrefix(ch.Name, "ufw-")
	w.zones = w.zones || ch.Table.Name == "firewalld"
	if ch.Policy != nil && *ch.Policy == nftables.ChainPolicyDrop && forwardHook(ch) {
		w.drops = append(w.drops, ch.Table.Name+" "+ch.Name+" policy drop")
	}
}

func forwardHook(ch *nftables.Chain) bool {
	return ch.Hooknum != nil && *ch.Hooknum == *nftables.ChainHookForward && ch.Table.Family != nftables.TableFamilyBridge
}

func (m *machine) readRule(ch *nftables.Chain, r rule) {
	where := ch.Table.Name + " " + ch.Name
	switch {
	case r.leads && r.port != 0:
		m.forwards = append(m.forwards, forward{r.proto, r.port, where})
	case r.stops && r.free && r.in == "" && forwardHook(ch):
		m.wall.drops = append(m.wall.drops, where+" lets nothing through")
	case r.passes && r.free && r.in != "" && ch.Table.Name != "nat":
		m.wall.accepts = append(m.wall.accepts, r.in)
	}
}

// rule is what a rule comes to.
type rule struct {
	in     string // the interface it asks for
	proto  string
	port   uint16
	dest   netip.Addr // the one that it asks for
	free   bool       // it asks for nothing but the interface
	passes bool       // it lets through
	stops  bool       // it drops or rejects
	leads  bool       // it changes the destination
}

// readRule reads the expressions of a rule: each loads something, compares it,
// or does something. What is not understood makes the rule not free.
func readRule(exprs []expr.Any) rule {
	r := rule{free: true}
	var loaded expr.Any
	for _, e := range exprs {
		switch x := e.(type) {
		case *expr.Meta, *expr.Payload:
			loaded = e
		case *expr.Cmp:
			r.compare(loaded, x)
		case *expr.Match:
			r.match(x)
		case *expr.Counter:
		case *expr.Verdict:
			r.verdict(x)
		default:
			r.act(e)
		}
	}
	return r
}

func (r *rule) compare(loaded expr.Any, c *expr.Cmp) {
	switch l := loaded.(type) {
	case *expr.Meta:
		if l.Key == expr.MetaKeyIIFNAME && c.Op == expr.CmpOpEq {
			r.in = string(bytes.TrimRight(c.Data, "\x00"))
			return
		}
		if l.Key == expr.MetaKeyL4PROTO && len(c.Data) == 1 {
			r.proto = map[byte]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp"}[c.Data[0]]
		}
	case *expr.Payload:
		if l.Base == expr.PayloadBaseTransportHeader && l.Offset == 2 && len(c.Data) == 2 {
			r.port = binary.BigEndian.Uint16(c.Data)
		}
		if l.Base == expr.PayloadBaseNetworkHeader && c.Op == expr.CmpOpEq && l.Offset == map[uint32]uint32{4: 16, 16: 24}[l.Len] {
			r.dest, _ = netip.AddrFromSlice(c.Data) // RFC 791, RFC 8200
		}
	}
	r.free = false
}

func (r *rule) match(m *expr.Match) {
	switch info := m.Info.(type) {
	case *xt.Comment:
		return
	case *xt.Tcp:
		r.proto, r.port = "tcp", info.DstPorts[0]
	case *xt.Udp:
		r.proto, r.port = "udp", info.DstPorts[0]
	}
	r.free = false
}

func (r *rule) verdict(v *expr.Verdict) {
	r.stops = v.Kind == expr.VerdictDrop
	trusted := (v.Kind == expr.VerdictGoto || v.Kind == expr.VerdictJump) && strings.Contains(v.Chain, "trusted") // a zone of firewalld
	r.passes = v.Kind == expr.VerdictAccept || trusted
}

func (r *rule) act(e expr.Any) {
	switch x := e.(type) {
	case *expr.Target:
		r.leads = slices.Contains([]string{"DNAT", "REDIRECT"}, x.Name)
		r.stops = x.Name == "REJECT"
	case *expr.NAT:
		r.leads = x.Type == expr.NATTypeDestNAT
	case *expr.Redir:
		r.leads = true
	case *expr.Reject:
		r.stops = true
	case *expr.Log, *expr.Immediate:
	default:
		r.free = false
	}
}
