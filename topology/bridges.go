package topology

import "fmt"

// bridge reads what a file or a step says of one bridge.
func (p *parser) bridge(path string, name Word, v Value) bridgePatch {
	before := p.count
	p.node(path, name, bridgeProblem(name.Text))
	a := p.object(path, v, "bridge")
	b := bridgePatch{Bridge: Bridge{
		Name: name, In: a.Word("in"), MAC: p.mac(a), MTU: p.mtu(a), STP: a.Bool("stp", false),
		Addresses: p.addresses(at(path, "addresses"), a.Words("addresses"), false),
	}, stp: a.has("stp")}
	p.paths[b.In.Pos] = at(path, "in")
	if p.count > before {
		p.unsure[name.Text] = true
	}
	return b
}

// bridgeProblem says what is wrong with the name of a bridge: it is the name
// of an interface as well.
func bridgeProblem(name string) string {
	switch {
	case name == Host:
		return "\"host\" is the lab's host: a bridge needs another name"
	case name == "lo":
		return "\"lo\" is in every namespace already: a bridge needs another name"
	case len(name) > maxDev && len(name) <= maxName:
		return fmt.Sprintf("a bridge is an interface: the name %q has %d characters, the kernel allows %d", name, len(name), maxDev)
	}
	if problem := nodeProblem(name); problem != "" {
		return problem
	}
	return devProblem(name)
}
