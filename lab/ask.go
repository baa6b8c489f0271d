package lab

import (
	"context"
	"net/netip"
	"net/url"

	"nslab/lab/probe"
	"nslab/topology"
)

// ask asks the probes of a stage. On a machine those that lead into the world
// outside are skipped: the real one is not ours to question.
func (l *Lab) ask(ctx context.Context, p *Plan, s *Stage, watch func(probe.Result)) []probe.Result {
	var asked []probe.Assertion
	results := make([]probe.Result, len(s.Checks))
	for i, a := range s.Checks {
		if what := leadsOutside(&s.State, a); p.Machine && what != "" {
			results[i] = probe.Skip(a, what+" belongs to the world outside, which is the real one on this machine")
			watch(results[i])
			continue
		}
		asked = append(asked, a)
	}
	answered := probe.Ask(ctx, l.Kernel, asked, watch)
	for i := range results {
		if results[i].Status == "" {
			results[i], answered = answered[0], answered[1:]
		}
	}
	return results
}

// leadsOutside returns what a probe names of the world outside: a node of it,
// or an address that stands for something there. "" when nothing.
func leadsOutside(s *topology.State, a probe.Assertion) string {
	for _, n := range a.Probe.Nodes() {
		if ns, ok := s.Namespace(n); ok && ns.Outside && n != topology.Host {
			return n
		}
	}
	outside := outsideAddresses(s)
	for _, word := range scalars(a.Check.Args) {
		if addr := addressIn(word); outside[addr] {
			return addr.String()
		}
	}
	return ""
}

// outsideAddresses are the addresses that the file of the world outside gives,
// those of the host on its LAN among them.
func outsideAddresses(s *topology.State) map[netip.Addr]bool {
	out := map[netip.Addr]bool{}
	add := func(outside bool, as []topology.Address) {
		for _, a := range as {
			if outside {
				out[a.Prefix.Addr()] = true
			}
		}
	}
	for i := range s.Namespaces {
		add(s.Namespaces[i].Outside, s.Namespaces[i].LoAddress)
	}
	for i := range s.Bridges {
		add(s.Bridges[i].Outside, s.Bridges[i].Addresses)
	}
	for i := range s.Links {
		for _, e := range s.Links[i].Ends {
			add(s.Links[i].Outside, e.Addresses)
		}
	}
	return out
}

// scalars are all words of a value.
func scalars(v topology.Value) []string {
	out := []string{v.Text}
	for _, i := range v.Items {
		out = append(out, scalars(i)...)
	}
	return out
}

// addressIn is the address that a word is or names: ADDR, ADDR:PORT, a URL.
func addressIn(word string) netip.Addr {
	if a, err := netip.ParseAddr(word); err == nil {
		return a
	}
	if a, err := netip.ParseAddrPort(word); err == nil {
		return a.Addr()
	}
	if u, err := url.Parse(word); err == nil {
		if a, err := netip.ParseAddr(u.Hostname()); err == nil {
			return a
		}
	}
	return netip.Addr{}
}
