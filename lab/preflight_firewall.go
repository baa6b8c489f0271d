package lab

import (
	"slices"
	"strings"

	"nslab/lab/op"
	"nslab/topology"
)

// firewall is what of this machine's packet filters a lab would meet.
type firewall struct {
	drops   []string // chains that stop what is forwarded
	accepts []string // interfaces from which everything is let through
	docker  bool     // the chain DOCKER-USER, which is for us
	ufw     bool
	zones   bool // firewalld
	legacy  bool // the old iptables, whose tables nft and iptables do not show
}

// firewall finds the rule set of every Docker host: what is forwarded is
// dropped, and br_netfilter sends bridged frames the same way. An accept
// elsewhere never helps against a drop: the rule must go where the drop is.
func (m *machine) firewall(w wanted) *Collision {
	at, dev := forwarder(w.facts)
	if dev == "" || len(m.wall.drops) == 0 || slices.Contains(m.wall.accepts, dev) {
		return nil
	}
	if !m.bridgeNF && !forwards(w.facts) {
		return nil
	}
	return &Collision{
		Pos:   at,
		Msg:   m.wall.name() + " drops what it forwards (" + strings.Join(m.wall.drops, ", ") + "), so the rooms could not reach each other",
		Cures: append(m.wall.cures(dev), "or host: sandbox, which no firewall of this machine reaches"),
	}
}

func (f firewall) name() string {
	var whose []string
	for _, n := range []struct {
		is   bool
		name string
	}{{f.docker, "Docker"}, {f.ufw, "ufw"}, {f.zones, "firewalld"}, {f.legacy, "iptables-legacy"}} {
		if n.is {
			whose = append(whose, n.name)
		}
	}
	if len(whose) == 0 {
		return "this machine"
	}
	return "this machine, with " + strings.Join(whose, " and ") + ","
}

// cures are the commands that let the lab's packets through, for each of the
// firewalls that are there.
func (f firewall) cures(dev string) []string {
	var out []string
	if f.zones {
		out = append(out, "firewall-cmd --zone=trusted --add-interface="+dev)
	}
	if f.ufw {
		out = append(out, "ufw route allow in on "+dev, "ufw allow in on "+dev)
	}
	switch {
	case f.docker:
		out = append(out, letThrough("iptables", "DOCKER-USER", dev)...)
	case !f.zones && !f.ufw && !f.legacy:
		out = append(out, letThrough("iptables", "FORWARD", dev)...)
	}
	if f.legacy {
		out = append(out, letThrough("iptables-legacy", "FORWARD", dev)...)
	}
	return out
}

func letThrough(tool, chain, dev string) []string {
	return []string{
		tool + " -I " + chain + " -i " + dev + " -j ACCEPT",
		tool + " -I " + chain + " -o " + dev + " -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
	}
}

// bridged finds the lecture's own masquerade rule where br_netfilter is on: it
// would rewrite what never leaves the bridge.
func (m *machine) bridged(w wanted) *Collision {
	_, bridge := hostBridge(w.facts)
	if bridge == "" || !m.bridgeNF {
		return nil
	}
	for _, s := range w.facts {
		if m, ok := s.Op.(op.Masquerade); ok && m.NS == topology.Host && m.OutDev == "" {
			return &Collision{
				Pos: s.Pos,
				Msg: "bridged frames pass iptables on this machine (br_netfilter), so this rule would also rewrite what red sends to blue",
				Cures: []string{
					"give the rule `out-dev: \"!" + bridge + "\"`, as Docker does",
					"or, if nothing else here needs it: sysctl -w net.bridge.bridge-nf-call-iptables=0",
					"or host: sandbox",
				},
			}
		}
	}
	return nil
}

// forwarder is the interface by which the lab's packets come to the host: the
// bridge, else an end of a cable.
func forwarder(facts []Step) (topology.Pos, string) {
	if at, bridge := hostBridge(facts); bridge != "" {
		return at, bridge
	}
	for _, s := range facts {
		for _, made := range op.Makes(s.Op) {
			if dev, ok := hostDevice(made); ok && forwards(facts) {
				return s.Pos, dev
			}
		}
	}
	return topology.Pos{}, ""
}

func hostBridge(facts []Step) (topology.Pos, string) {
	for _, s := range facts {
		if b, ok := s.Op.(op.Bridge); ok && b.NS == topology.Host {
			return s.Pos, b.Name
		}
	}
	return topology.Pos{}, ""
}

func forwards(facts []Step) bool {
	for _, s := range facts {
		if c, ok := s.Op.(op.Sysctl); ok && c.NS == topology.Host && c.Key == "net.ipv4.ip_forward" {
			return true
		}
	}
	return false
}
