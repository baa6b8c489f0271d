package discover

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"nslab/topology"
)

// rule writes a rule of address translation that stands in a table of its own:
// there the chain does not count, but what the rule does.
func (d *draft) rule(n *Namespace, r Rule) {
	line, ok := d.natWords(n, r)
	if !ok {
		d.skip("a rule in %s: %s: %s", n.Name, topology.Quote(r.Chain), r)
		return
	}
	if line = "- {" + line + d.in(n) + "}"; !slices.Contains(d.nat, line) {
		d.nat = append(d.nat, line)
	}
}

// in says where a rule is, when that is not the host.
func (d *draft) in(n *Namespace) string {
	if n.Name == topology.Host {
		return ""
	}
	return ", in: " + n.Name
}

func (d *draft) natWords(n *Namespace, r Rule) (line string, ok bool) {
	if !r.simple() || !d.known(n, r.InDev) || !d.known(n, r.OutDev) {
		return "", false
	}
	from := r.From
	if _, ipv6 := tableOf(r.Table); !from.IsValid() && ipv6 {
		from = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	} else if !from.IsValid() {
		from = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	source := r.Dest == netip.Prefix{} && r.Proto == "" && r.InDev == ""
	switch {
	case r.Kind == "masquerade" && source:
		line = fmt.Sprintf("masquerade: %q", from)
	case r.Kind == "snat" && source && r.To.Port() == 0 && from.Addr().Is4() == r.To.Addr().Is4():
		line = fmt.Sprintf("snat: %q, to: %q", from, r.To.Addr())
	case r.Kind == "dnat" && r.Port != 0 && r.OutDev == "" && r.From == netip.Prefix{}:
		return d.dnatWords(r)
	default:
		return "", false
	}
	if r.OutDev != "" {
		line += fmt.Sprintf(", out-dev: %q", r.OutDev)
	}
	return line, true
}

func (d *draft) dnatWords(r Rule) (string, bool) {
	to := r.To.String()
	if r.To.Port() == 0 {
		to = r.To.Addr().String()
	}
	line := fmt.Sprintf("dnat: %d/%s, to: %q", r.Port, r.Proto, to)
	if r.Dest.IsValid() {
		line += fmt.Sprintf(", address: %q", r.Dest.Addr())
	}
	if r.InDev != "" {
		line += fmt.Sprintf(", in-dev: %q", r.InDev)
	}
	return line, r.hasPort() && (!r.Dest.IsValid() || r.Dest.IsSingleIP())
}

// known says whether an interface that a rule names is in the file, or several
// can be named there that begin so.
func (d *draft) known(n *Namespace, dev string) bool {
	name := strings.TrimPrefix(dev, "!")
	if dev == "" {
		return true
	}
	if begin, several := strings.CutSuffix(name, "+"); several {
		return begin != "" && begin == device(begin, func(string) bool { return true })
	}
	i := n.Interface(name)
	return i != nil && d.drawn[i] && d.names[i] == name
}
