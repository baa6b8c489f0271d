package topology

import (
	"net/netip"
	"strings"
)

// neighbours reads the entries that a namespace does not have to learn.
func (p *parser) neighbours(a *Args) []Neighbour {
	var out []Neighbour
	p.listed(at(a.path, "neighbours"), a.Value("neighbours"), `neighbours: [{address: 192.168.15.2, mac: "02:00:00:00:00:02", dev: veth-red}]`, func(path string, v Value) {
		before := p.count
		o := p.object(path, v, "neighbour")
		p.paths[v.Pos] = path
		n := Neighbour{Address: p.known(o, "address", "192.168.15.2"), MAC: p.theirMAC(o, neighbourProblem), Dev: p.onDev(o), Pos: v.Pos}
		if p.count == before {
			out = append(out, n)
		}
	})
	return out
}

// fdb reads what a vxlan is told of who is where.
func (p *parser) fdb(a *Args) []FDB {
	var out []FDB
	p.listed(at(a.path, "fdb"), a.Value("fdb"), `fdb: [{mac: "02:42:0a:c8:00:04", dev: vxlan0, dst: 192.168.50.11}]`, func(path string, v Value) {
		before := p.count
		o := p.object(path, v, "fdb")
		p.paths[v.Pos] = path
		f := FDB{MAC: p.theirMAC(o, fdbProblem), Dev: p.onDev(o), Dst: p.known(o, "dst", "192.168.50.11"), Pos: v.Pos}
		if p.count == before {
			out = append(out, f)
		}
	})
	return out
}

// known reads an address that must be there.
func (p *parser) known(a *Args, key, example string) netip.Addr {
	w := a.Required(key, example)
	if w.Text == "" {
		return netip.Addr{}
	}
	addr, problem := parseAddr(w.Text)
	if problem == "" && (addr.IsUnspecified() || addr.IsMulticast()) {
		problem = addr.String() + " is nobody's address"
	}
	if problem != "" {
		p.add(w.Pos, at(a.path, key), "%s", problem)
	}
	return addr
}

func (p *parser) theirMAC(a *Args, wrong func(string) string) Word {
	w := a.Required("mac", "02:00:00:00:00:02")
	if problem := wrong(w.Text); problem != "" && w.Text != "" {
		p.add(w.Pos, at(a.path, "mac"), "%s", problem)
	}
	return Word{Text: strings.ToLower(w.Text), Pos: w.Pos}
}

func neighbourProblem(text string) string {
	if text == forAll {
		return text + " is nobody's address"
	}
	return macProblem(text)
}

// forAll is the address for whatever nothing else is known of.
const forAll = "00:00:00:00:00:00"

// fdbProblem is macProblem for a table in which zeros stand for everybody else.
func fdbProblem(text string) string {
	if text == forAll {
		return ""
	}
	return macProblem(text)
}

func (p *parser) onDev(a *Args) Word {
	w := a.Required("dev", "eth0")
	p.paths[w.Pos] = at(a.path, "dev")
	return w
}

// checkTables makes sure that the interfaces of the entries exist, and that
// nothing is said twice.
func (w *world) checkTables(v *view) {
	for i := range w.Namespaces {
		n := &w.Namespaces[i]
		said := map[[3]string]Pos{}
		for _, e := range n.Neighbours {
			w.checkEntry(v, n, e.Dev, e.Pos, said, [3]string{e.Dev.Text, e.Address.String()})
		}
		for _, e := range n.FDB {
			what := [3]string{e.Dev.Text, e.MAC.Text}
			if e.MAC.Text == forAll { // which may go to many
				what[2] = e.Dst.String()
			}
			w.checkEntry(v, n, e.Dev, e.Pos, said, what)
		}
	}
}

func (w *world) checkEntry(v *view, n *Namespace, dev Word, pos Pos, said map[[3]string]Pos, what [3]string) {
	if !w.unsure[n.Name.Text] && !(w.real && n.Name.Text == Host) {
		w.checkDev(v, n.Name.Text, Route{Dev: dev})
	}
	if other, twice := said[what]; twice && other != pos {
		w.wrong(pos, "%s on %s is already told (%s)", what[1], what[0], near(other, pos))
	} else if !twice {
		said[what] = pos
	}
}

func (w *world) dropNeighbour(f []string) bool {
	return w.inNamespace(f[0], func(n *Namespace) bool {
		before := len(n.Neighbours)
		n.Neighbours = dropped(n.Neighbours, func(e Neighbour) bool { return e.Address.String() == f[1] })
		return len(n.Neighbours) < before
	})
}

func (w *world) dropFDB(f []string) bool {
	return w.inNamespace(f[0], func(n *Namespace) bool {
		before := len(n.FDB)
		n.FDB = dropped(n.FDB, func(e FDB) bool { return e.MAC.Text == strings.ToLower(f[1]) && e.Dst.String() == f[2] })
		return len(n.FDB) < before
	})
}

func (w *world) knownNeighbours() []string {
	var out []string
	for i := range w.Namespaces {
		for _, e := range w.Namespaces[i].Neighbours {
			out = append(out, w.Namespaces[i].Name.Text+" "+e.Address.String())
		}
	}
	return out
}

func (w *world) knownFDB() []string {
	var out []string
	for i := range w.Namespaces {
		for _, e := range w.Namespaces[i].FDB {
			out = append(out, w.Namespaces[i].Name.Text+" "+e.MAC.Text+" "+e.Dst.String())
		}
	}
	return out
}
