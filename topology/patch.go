package topology

import "slices"

// patch is what a file or a step adds. Naming an object again adds to it.
type patch struct {
	namespaces []Namespace
	bridges    []bridgePatch
	links      []Link
	nat        []NAT
	filter     []Filter
	networks   []Network
}

// bridgePatch is a bridge of which only what was written counts.
type bridgePatch struct {
	Bridge
	stp bool // was written
}

func (x *patch) empty() bool {
	return len(x.namespaces)+len(x.bridges)+len(x.links)+len(x.nat)+len(x.filter)+len(x.networks) == 0
}

// outside marks everything as standing around the host.
func (x *patch) outside() {
	for i := range x.namespaces {
		x.namespaces[i].Outside = true
	}
	for i := range x.bridges {
		x.bridges[i].Outside = true
	}
	for i := range x.links {
		x.links[i].Outside = true
	}
	for i := range x.nat {
		x.nat[i].Outside = true
	}
	for i := range x.filter {
		x.filter[i].Outside = true
	}
}

// patch reads the objects of a file or a step.
func (p *parser) patch(a *Args) patch {
	rooms, links := a.Value("namespaces"), a.Value("links")
	x := patch{namespaces: slices.Grow([]Namespace(nil), len(rooms.Keys)), links: slices.Grow([]Link(nil), len(links.Items))}
	p.named(at(a.path, "namespaces"), rooms, "namespaces: {red: {}, blue: {}}", func(path string, name Word, v Value) {
		x.namespaces = append(x.namespaces, p.namespace(path, name, v))
	})
	p.named(at(a.path, "bridges"), a.Value("bridges"), "bridges: {v-net-0: {}}", func(path string, name Word, v Value) {
		x.bridges = append(x.bridges, p.bridge(path, name, v))
	})
	p.listed(at(a.path, "links"), links, exampleLink, func(path string, v Value) {
		if l, ok := p.link(path, v); ok {
			x.links = append(x.links, l)
		}
	})
	p.listed(at(a.path, "nat"), a.Value("nat"), "nat: [{masquerade: 192.168.15.0/24}]", func(path string, v Value) {
		if n, ok := p.nat(path, v); ok {
			x.nat = append(x.nat, n)
		}
	})
	p.listed(at(a.path, "filter"), a.Value("filter"), exampleFilter, func(path string, v Value) {
		if f, ok := p.filter(path, v); ok {
			x.filter = append(x.filter, f)
		}
	})
	p.named(at(a.path, "cni"), a.Value("cni"), exampleCNI, func(path string, name Word, v Value) {
		x.networks = append(x.networks, p.cniNetwork(path, name, v))
	})
	return x
}
