package op

import (
	"fmt"
	"net/netip"
	"strings"
)

// does is what a rule does with a packet, in a sentence.
var does = map[string]string{
	"ACCEPT": "accepts", "DROP": "drops", "REJECT": "rejects", "RETURN": "is done with", "MASQUERADE": "masquerades",
}

// String is the rule as a sentence, which says what `iptables -A` says without
// its letters.
func (r Rule) String() string {
	verb, known := does[r.Target]
	switch {
	case r.Target == "DNAT" || r.Target == "SNAT":
		to := r.To.String()
		if r.To.Port() == 0 {
			to = r.To.Addr().String()
		}
		verb = map[string]string{"DNAT": "leads to ", "SNAT": "sends as "}[r.Target] + to
	case !known:
		verb = "asks " + r.Target + " about"
	}
	return fmt.Sprintf("%s %s %s %s", r.Chain, place(r.NS), verb, r.what())
}

// what is what the rule asks of a packet.
func (r Rule) what() string {
	var asks []string
	add := func(is bool, format string, args ...any) {
		if is {
			asks = append(asks, fmt.Sprintf(format, args...))
		}
	}
	add(r.InDev != "", "comes in by %s", devOr(r.InDev))
	add(r.OutDev != "", "leaves by %s", devOr(r.OutDev))
	add(r.Source.IsValid(), "is%s from %s", negated(r.NotSource), single(r.Source))
	add(r.Destination.IsValid(), "is%s for %s", negated(r.NotDestination), single(r.Destination))
	add(r.SrcType != "", "is from a %s address", strings.ToLower(r.SrcType))
	add(r.DstType != "", "is for a %s address", strings.ToLower(r.DstType))
	add(r.Protocol != "", "is %s", r.Protocol)
	add(r.SrcPort != 0, "comes from port %d", r.SrcPort)
	add(r.DstPort != 0, "asks for port %d", r.DstPort)
	add(r.CTState != "", "is %s", strings.ReplaceAll(r.CTState, ",", " or "))
	switch n := len(asks); n {
	case 0:
		return "everything"
	case 1:
		return "what " + asks[0]
	default:
		return "what " + strings.Join(asks[:n-1], ", ") + " and " + asks[n-1]
	}
}

// devOr puts an interface that may begin with "!" into words.
func devOr(dev string) string {
	if name, inverted := splitDev(dev); inverted {
		return "another than " + name
	}
	return dev
}

func negated(not bool) string {
	if not {
		return " not"
	}
	return ""
}

func single(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
