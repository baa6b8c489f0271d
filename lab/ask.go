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
	world := outside(&s.State)
	if !p.Machine || world.empty() {
		return probe.Ask(ctx, l.Kernel, s.Checks, watch)
	}
	var asked []probe.Assertion
	results := make([]probe.Result, len(s.Checks))
	for i, a := range s.Checks {
		if what := world.leads(a); what != "" {
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

// world is what the file of the world outside gives: its nodes, but for the
// host, and the addresses, those of the host on its LAN among them.
type world struct {
	nodes     map[string]bool
	addresses map[netip.Addr]bool
	named     map[*topology.Check]string // the address that a check names, looked for once
}

func outside(s *topology.State) world {
	w := world{map[string]bool{}, map[netip.Addr]bool{}, map[*topology.Check]string{}}
	add := func(outside bool, as []topology.Address) {
		for _, a := range as {
			if outside {
				w.addresses[a.Prefix.Addr()] = true
			}
		}
	}
	for i := range s.Namespaces {
		n := &s.Namespaces[i]
		add(n.Outside, n.LoAddress)
		if own, ok := s.Namespace(n.Name.Text); n.Outside && ok && own.Outside && n.Name.Text != topology.Host {
			w.nodes[n.Name.Text] = true
		}
	}
	for i := range s.Bridges {
		add(s.Bridges[i].Outside, s.Bridges[i].Addresses)
	}
	for i := range s.Links {
		for _, e := range s.Links[i].Ends {
			add(s.Links[i].Outside, e.Addresses)
		}
	}
	return w
}

func (w world) empty() bool { return len(w.nodes)+len(w.addresses) == 0 }

// leads returns what a probe names of the world outside: a node of it, or an
// address that stands for something there. "" when nothing.
func (w world) leads(a probe.Assertion) string {
	for _, n := range a.Probe.Nodes() {
		if w.nodes[n] {
			return n
		}
	}
	named, known := w.named[a.Check]
	if !known {
		named = w.address(a.Check)
		w.named[a.Check] = named
	}
	return named
}

func (w world) address(c *topology.Check) string {
	for _, word := range scalars(c.Args) {
		if addr := addressIn(word); w.addresses[addr] {
			return addr.String()
		}
	}
	return ""
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
