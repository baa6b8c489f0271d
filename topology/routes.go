package topology

import "net/netip"

const anyRoute = "default"

func (p *parser) routes(a *Args) []Route {
	var out []Route
	p.listed(at(a.path, "routes"), a.Value("routes"), "routes: [{to: default, via: 192.168.15.5}]", func(path string, v Value) {
		if r, ok := p.route(path, v); ok {
			out = append(out, r)
		}
	})
	return out
}

// route reads a route in the words of ip-route(8).
func (p *parser) route(path string, v Value) (Route, bool) {
	before := p.count
	a := p.object(path, v, "route")
	p.paths[v.Pos] = path
	r := Route{Pos: v.Pos, Dev: a.Word("dev"), Metric: a.Int("metric", 0, 1, 1<<31-1)}
	p.paths[r.Dev.Pos] = at(path, "dev")
	if via := a.Word("via"); via.Pos.Line != 0 {
		r.Via = p.gateway(at(path, "via"), via)
	}
	to := a.Required("to", "192.168.1.0/24")
	if p.count > before {
		return r, false
	}
	r.To = p.destination(at(path, "to"), to, r.Via)
	switch {
	case p.count > before:
	case !r.Via.IsValid() && r.Dev.Text == "":
		p.add(v.Pos, path, "the route to %s needs `via` (a gateway) or `dev` (an interface)", to)
	case r.Via.IsValid() && r.Via.Is4() != r.To.Addr().Is4():
		p.add(v.Pos, path, "the destination %s and the gateway %s are of different families", to, r.Via)
	}
	return r, p.count == before
}

// gateway reads the address of a router.
func (p *parser) gateway(path string, w Word) netip.Addr {
	addr, problem := parseAddr(w.Text)
	if prefix, err := netip.ParsePrefix(w.Text); err == nil {
		problem = "a gateway is an address without a prefix length: write " + prefix.Addr().String()
	} else if problem == "" && addr.IsUnspecified() {
		problem = addr.String() + " means \"no address\": it cannot be a gateway"
	}
	if problem != "" {
		p.add(w.Pos, path, "%s", problem)
	}
	return addr
}

// destination reads a network or `default`, of the family of the gateway.
func (p *parser) destination(path string, w Word, via netip.Addr) netip.Prefix {
	if w.Text == anyRoute {
		return anywhere(via)
	}
	to, problem := network(w.Text)
	if problem != "" && w.Text != "" && Nearest(w.Text, []string{anyRoute}) != "" {
		problem = "\"" + cut(w.Text) + "\" is neither a network nor default, did you mean \"default\"?"
	}
	if problem != "" {
		p.add(w.Pos, path, "%s", problem)
	}
	return to
}

// anywhere is the default route of a family; IPv4 when there is no gateway.
func anywhere(via netip.Addr) netip.Prefix {
	if via.Is6() {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

// gateways reads `gateway`, which is short for a default route; auto is where
// the bridge is to say which.
func (p *parser) gateways(a *Args) (out []Route, auto Pos) {
	path := at(a.path, "gateway")
	words := a.Words("gateway")
	for i, w := range words {
		at := path
		if len(words) > 1 {
			at = nth(path, i)
		}
		p.paths[w.Pos] = at
		if w.Text == autoAddress {
			auto = w.Pos
			continue
		}
		before := p.count
		if via := p.gateway(at, w); p.count == before {
			out = append(out, Route{To: anywhere(via), Via: via, Pos: w.Pos})
		}
	}
	return out, auto
}
