package op

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/topology"
)

// Rule is the fact that a chain of iptables has a rule: iptables(8).
type Rule struct {
	NS string
	topology.Rule
}

func (r Rule) rule() chainRule {
	c := ruleOf(r.NS, r.Rule)
	c.object = r.object()
	if r.Table == tableNAT {
		c.flows = r.flow
	}
	return c
}

func ruleOf(ns string, r topology.Rule) chainRule {
	return chainRule{ns: ns, family: Chain{IPv6: r.IPv6}.family(), table: r.Table, chain: r.Chain, says: ipRule{r}}
}

// object is short, because iptables shows it beside every rule.
func (r Rule) object() string {
	h := sha256.Sum256([]byte(strings.Join(append(r.Words(), r.Table), " ")))
	return r.Chain + ":" + hex.EncodeToString(h[:4])
}

// flow says whether the rule speaks of a flow: one that nobody translates, or
// that the rule itself does.
func (r Rule) flow(f *netlink.ConntrackFlow) bool {
	there := f.Forward
	if r.Protocol != "" && there.Protocol != protoNumber(r.Protocol) ||
		r.DstPort != 0 && there.DstPort != r.DstPort ||
		r.SrcPort != 0 && there.SrcPort != r.SrcPort ||
		r.Source.IsValid() && r.Source.Contains(flowAddr(there.SrcIP)) == r.NotSource ||
		r.Destination.IsValid() && r.Destination.Contains(flowAddr(there.DstIP)) == r.NotDestination {
		return false
	}
	switch r.Target {
	case "MASQUERADE", "SNAT":
		return r.Source.IsValid() || untranslated(f)
	case "DNAT":
		return untranslated(f) || flowAddr(f.Reverse.SrcIP) == r.To.Addr()
	}
	return untranslated(f)
}

// Before says how much of the table was there already.
func (r Rule) Before(k *Kernel) (string, error) { return r.rule().before(k, k.was(r)) }

// Do appends the rule. The chain must be there, unless it is one of iptables.
func (r Rule) Do(k *Kernel) error { return r.rule().do(k, k.was(r)) }

// Undo removes the rule, and what of iptables' own the lab made for it.
func (r Rule) Undo(k *Kernel) error { return r.rule().undo(k, k.was(r)) }

// Diff looks for the rule by the lab's mark.
func (r Rule) Diff(k *Kernel) (string, error) { return r.rule().diff(k) }

// Command is iptables -A.
func (r Rule) Command() Command { return r.rule().command("-A") }

// Inverse is iptables -D.
func (r Rule) Inverse() Command { return r.rule().command("-D") }

// On is the namespace.
func (r Rule) On() []Object { return []Object{NetNS(r.NS)} }

var protocols = map[string]uint8{
	"tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP, "icmp": unix.IPPROTO_ICMP, "ipv6-icmp": unix.IPPROTO_ICMPV6,
}

// protoNumber is the number of a protocol that iptables knows by name.
func protoNumber(name string) uint8 { return protocols[name] }
