package topology

import "fmt"

// Bridge is a switch.
type Bridge struct {
	Name      Word
	Kind      Word // linux or openvswitch; empty when not given, which means linux
	In        Word // namespace it lives in; Host when not given
	Outside   bool
	Addresses []Address
	MAC       Word // empty when not given
	MTU       int  // 0 when not given
	STP       bool
}

// OpenVSwitch says whether the switch is one of Open vSwitch, not of the kernel.
func (b *Bridge) OpenVSwitch() bool { return b.Kind.Text == openVSwitch }

// The kinds of bridges.
const (
	linuxBridge = "linux"
	openVSwitch = "openvswitch"
)

// bridge reads what a file or a step says of one bridge.
func (p *parser) bridge(path string, name Word, v Value) bridgePatch {
	before := p.count
	p.node(path, name, bridgeProblem(name.Text))
	a := p.object(path, v, "bridge")
	b := bridgePatch{Bridge: Bridge{
		Name: name, Kind: bridgeKind(a), In: a.Word("in"), MAC: p.mac(a), MTU: p.mtu(a), STP: a.Bool("stp", false),
		Addresses: p.addresses(at(path, "addresses"), a.Words("addresses"), false),
	}, stp: a.has("stp")}
	p.paths[b.In.Pos] = at(path, "in")
	p.paths[b.Kind.Pos] = at(path, "kind")
	if p.count > before {
		p.unsure[name.Text] = true
	}
	return b
}

func bridgeKind(a *Args) Word {
	return Word{Text: a.OneOf("kind", "", linuxBridge, openVSwitch), Pos: a.Word("kind").Pos}
}

// checkBridges keeps apart what only one of the kinds has.
func (w *world) checkBridges() {
	for i := range w.Bridges {
		if b := &w.Bridges[i]; b.OpenVSwitch() && (b.STP || b.MTU != 0) {
			w.wrong(b.Kind.Pos, "`stp` and `mtu` are for a switch of the kernel: an Open vSwitch has no spanning tree here, and takes the smallest MTU of its ports")
		}
	}
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
