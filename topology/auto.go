package topology

import (
	"fmt"
	"net/netip"
	"slices"
)

const (
	autoAddress = "auto"   // the lowest that is free, as Docker hands them out
	dockerMAC   = "docker" // 02:42 and the IPv4 address
)

// auto takes the word `auto` out of the addresses of an end, and says where it was.
func (p *parser) auto(path string, words []Word) (rest []Word, at Pos) {
	i := slices.IndexFunc(words, func(w Word) bool { return w.Text == autoAddress })
	if i < 0 {
		return words, Pos{}
	}
	p.paths[words[i].Pos] = path
	return slices.Delete(slices.Clone(words), i, i+1), words[i].Pos
}

// endMAC reads the MAC address of an end.
func (p *parser) endMAC(a *Args) Word {
	w := a.Word("mac")
	if w.Text != dockerMAC {
		return p.mac(a)
	}
	p.paths[w.Pos] = at(a.path, "mac")
	return w
}

// handOut gives the ends that ask for it an address of the networks of their
// bridge, in the order of the file, and the MAC addresses that follow from
// addresses. Both stay as long as the link.
func (w *world) handOut() {
	var free *pool
	for i := range w.Links {
		l := &w.Links[i]
		if !slices.ContainsFunc(l.Ends, End.open) {
			continue
		}
		if free == nil {
			free = w.pool()
		}
		l.Ends = slices.Clone(l.Ends)
		for j := range l.Ends {
			if e := &l.Ends[j]; e.Auto.Line != 0 && !e.handed {
				e.Addresses, e.handed = extended(e.Addresses, w.offer(free, l, j)), true
			}
			w.follow(&l.Ends[j])
		}
	}
}

// open says whether something of an end is still to be found out.
func (e End) open() bool { return e.Auto.Line != 0 && !e.handed || e.MAC.Text == dockerMAC }

// follow makes the MAC address that Docker would make.
func (w *world) follow(e *End) {
	if e.MAC.Text != dockerMAC {
		return
	}
	for _, a := range e.Addresses {
		if ip := a.Prefix.Addr(); ip.Is4() {
			b := ip.As4()
			e.MAC.Text = fmt.Sprintf("02:42:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3])
			return
		}
	}
	w.wrong(e.MAC.Pos, "Docker makes the MAC address of the IPv4 address, and %s has none", e)
	e.MAC.Text = ""
}

// offer is one address of each family of the bridge that a link is plugged into.
func (w *world) offer(free *pool, l *Link, end int) []Address {
	e := l.Ends[end]
	var bridge *Bridge
	if len(l.Ends) == 2 {
		bridge, _ = w.Bridge(l.Ends[1-end].Node.Text)
	}
	if bridge == nil || len(bridge.Addresses) == 0 {
		w.wrong(e.Auto, "`auto` takes an address of the bridge's network: %s must be plugged into a bridge that has an address", e)
		return nil
	}
	var out []Address
	for _, a := range bridge.Addresses {
		same := func(b Address) bool { return b.Prefix.Addr().Is4() == a.Prefix.Addr().Is4() }
		if slices.ContainsFunc(out, same) {
			continue
		}
		p, ok := free.lowest(a.Prefix)
		if !ok {
			w.wrong(e.Auto, "no address of %s is free for %s", a.Prefix.Masked(), e)
			continue
		}
		out = append(out, Address{Prefix: p, Pos: e.Auto})
	}
	return out
}

// pool knows which addresses of the lab are taken.
type pool struct{ taken map[netip.Addr]bool }

func (w *world) pool() *pool {
	p := &pool{taken: map[netip.Addr]bool{}}
	add := func(as []Address) {
		for _, a := range as {
			p.taken[a.Prefix.Addr()] = true
		}
	}
	for i := range w.Bridges {
		add(w.Bridges[i].Addresses)
	}
	for i := range w.Links {
		for _, e := range w.Links[i].Ends {
			add(e.Addresses)
		}
	}
	return p
}

// lowest takes the lowest free address of the network of a bridge.
func (p *pool) lowest(bridge netip.Prefix) (netip.Prefix, bool) {
	network := bridge.Masked()
	for a := network.Addr(); network.Contains(a); a = a.Next() {
		found := netip.PrefixFrom(a, bridge.Bits())
		if !p.taken[a] && hostProblemOf(found) == "" {
			p.taken[a] = true
			return found, true
		}
	}
	return netip.Prefix{}, false
}
