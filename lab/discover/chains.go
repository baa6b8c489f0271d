package discover

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"nslab/topology"
)

// readRules reads the rules of the namespace that we are in. Only root may, and
// only root of this namespace.
func (n *Namespace) readRules() {
	switch err := n.readChains(); {
	case errors.Is(err, unix.EPERM):
		n.Unseen = append(n.Unseen, "the rules of nft and iptables: "+onlyRoot)
		return
	case err != nil:
		n.Unseen = append(n.Unseen, "the rules of nft and iptables: "+err.Error())
	}
	n.readLegacy()
	if b, err := os.ReadFile("/proc/thread-self/net/ip6_tables_names"); err == nil && len(b) > 0 {
		n.Unseen = append(n.Unseen, "the IPv6 rules of the old iptables: ip6tables-legacy-save shows them")
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
		found := Chain{Table: family(ch.Table.Family) + " " + ch.Table.Name, Name: ch.Name, Policy: policyOf(ch)}
		for _, r := range rules {
			found.Rules = append(found.Rules, newRule(found.Table, found.Name, r.Exprs))
		}
		n.noteChain(found)
	}
	return nil
}

// noteChain keeps what translates addresses, and the chains of iptables as
// they are.
func (n *Namespace) noteChain(c Chain) {
	for _, r := range c.Rules {
		if r.Kind != "" {
			n.NAT = append(n.NAT, r)
		}
	}
	name, _ := tableOf(c.Table)
	ours := c.Policy == "" || topology.BuiltinChain(name, c.Name)
	switch {
	case slices.Contains(iptablesTables, c.Table) && ours:
		n.Chains = append(n.Chains, c)
	case slices.ContainsFunc(c.Rules, func(r Rule) bool { return r.Kind == "" }) || c.Policy == "DROP":
		n.Foreign = append(n.Foreign, fmt.Sprintf("chain %s of table %s", topology.Quote(c.Name), c.quotedTable()))
	}
}

// quotedTable is the table with its family, as nft(8) names it.
func (c Chain) quotedTable() string {
	family, name, _ := strings.Cut(c.Table, " ")
	return family + " " + topology.Quote(name)
}

// iptablesTables are the tables that a lab file can fill.
var iptablesTables = []string{"ip filter", "ip nat", "ip6 filter", "ip6 nat"}

// policyOf is what a chain that the kernel calls does with the rest, "" for a
// chain that only rules lead to.
func policyOf(ch *nftables.Chain) string {
	switch {
	case ch.Hooknum == nil:
		return ""
	case ch.Policy != nil && *ch.Policy == nftables.ChainPolicyDrop:
		return "DROP"
	}
	return "ACCEPT"
}

// noteFilter notes a chain in which packets may be dropped.
func (n *Namespace) noteFilter(ch *nftables.Chain, rules int) {
	drops := policyOf(ch) == "DROP"
	if ch.Type != nftables.ChainTypeFilter || ch.Hooknum == nil || rules == 0 && !drops {
		return
	}
	hooks := []string{"prerouting", "input", "forward", "output", "postrouting", "ingress"}
	if h := int(*ch.Hooknum); h < len(hooks) {
		n.noteHook(hooks[h])
	}
}

func (n *Namespace) noteHook(hook string) {
	if !slices.Contains(n.Filters, hook) {
		n.Filters = append(n.Filters, hook)
	}
}

func family(f nftables.TableFamily) string {
	return map[nftables.TableFamily]string{
		nftables.TableFamilyIPv4: "ip", nftables.TableFamilyIPv6: "ip6", nftables.TableFamilyINet: "inet",
		nftables.TableFamilyBridge: "bridge", nftables.TableFamilyARP: "arp", nftables.TableFamilyNetdev: "netdev",
	}[f]
}

// hookOf is the hook at which the kernel calls a chain of table filter.
func hookOf(chain string) string { return strings.ToLower(chain) }
