package discover

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/google/nftables"

	"nslab/topology"
)

// Rule is a rule of address translation, in nf_tables or by iptables-nft.
type Rule struct {
	Table  string         `json:"table"` // "ip nat"
	Chain  string         `json:"chain"`
	Kind   string         `json:"kind"`             // masquerade, snat, dnat or redirect
	From   netip.Prefix   `json:"from,omitzero"`    // iptables -s
	Dest   netip.Prefix   `json:"dest,omitzero"`    // iptables -d
	Proto  string         `json:"proto,omitempty"`  // tcp or udp
	Port   uint16         `json:"port,omitempty"`   // the one asked for
	InDev  string         `json:"in-dev,omitempty"` // "!docker0" is any other, "eth+" all that begin so
	OutDev string         `json:"out-dev,omitempty"`
	To     netip.AddrPort `json:"to,omitzero"` // port 0 keeps the port
	Whole  bool           `json:"whole"`       // it asks for nothing but what stands here
}

// String is the rule as iptables spells it; "..." stands for what is not told.
func (r Rule) String() string {
	var words []string
	for _, dev := range []struct{ flag, name string }{{"-i", r.InDev}, {"-o", r.OutDev}} {
		name, inverted := strings.CutPrefix(dev.name, "!")
		if inverted {
			words = append(words, "!")
		}
		if name != "" {
			words = append(words, dev.flag, topology.Quote(name))
		}
	}
	if r.From.IsValid() {
		words = append(words, "-s", r.From.String())
	}
	if r.Dest.IsValid() {
		words = append(words, "-d", r.Dest.String())
	}
	if r.Proto != "" {
		words = append(words, "-p", r.Proto)
	}
	if r.Port != 0 {
		words = append(words, "--dport", fmt.Sprint(r.Port))
	}
	if !r.Whole {
		words = append(words, "...")
	}
	return strings.Join(append(words, r.target()...), " ")
}

func (r Rule) target() []string {
	words := []string{"-j", strings.ToUpper(r.Kind)}
	if !r.To.IsValid() {
		return words
	}
	to := r.To.String()
	if r.To.Port() == 0 {
		to = r.To.Addr().String()
	}
	return append(words, map[string]string{"snat": "--to-source", "dnat": "--to-destination"}[r.Kind], to)
}

// readNAT reads the rules of the namespace that we are in. Only root may, and
// only root of this namespace.
func (n *Namespace) readNAT() {
	if b, err := os.ReadFile("/proc/thread-self/net/ip_tables_names"); err == nil && strings.Contains("\n"+string(b), "\nnat\n") {
		n.Unseen = append(n.Unseen, "the NAT rules of the old iptables: iptables-legacy -t nat -S shows them")
	}
	if err := n.readChains(); err != nil {
		n.Unseen = append(n.Unseen, "the NAT rules: "+err.Error())
	}
}

func (n *Namespace) readChains() error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	chains, err := c.ListChains()
	if err != nil {
		return err
	}
	for _, ch := range chains {
		rules, err := c.GetRules(ch.Table, ch)
		if err != nil {
			return err
		}
		n.noteFilter(ch, len(rules))
		for _, r := range rules {
			if rule := newRule(r.Exprs); rule.Kind != "" {
				rule.Table, rule.Chain = family(ch.Table.Family)+" "+ch.Table.Name, ch.Name
				n.NAT = append(n.NAT, rule)
			}
		}
	}
	return nil
}

// noteFilter notes a chain that may drop packets: what its rules say is not read.
func (n *Namespace) noteFilter(ch *nftables.Chain, rules int) {
	drops := ch.Policy != nil && *ch.Policy == nftables.ChainPolicyDrop
	if ch.Type != nftables.ChainTypeFilter || ch.Hooknum == nil || rules == 0 && !drops {
		return
	}
	hooks := []string{"prerouting", "input", "forward", "output", "postrouting", "ingress"}
	if h := int(*ch.Hooknum); h < len(hooks) && !slices.Contains(n.Filters, hooks[h]) {
		n.Filters = append(n.Filters, hooks[h])
	}
}

func family(f nftables.TableFamily) string {
	return map[nftables.TableFamily]string{
		nftables.TableFamilyIPv4: "ip", nftables.TableFamilyIPv6: "ip6", nftables.TableFamilyINet: "inet",
		nftables.TableFamilyBridge: "bridge", nftables.TableFamilyARP: "arp", nftables.TableFamilyNetdev: "netdev",
	}[f]
}
