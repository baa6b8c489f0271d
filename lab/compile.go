package lab

import (
	"fmt"
	"slices"

	"nslab/lab/op"
	"nslab/lab/probe"
	"nslab/topology"
)

// Compile says what a topology means. On a machine the world outside is left
// out: it is there already. Every mistake that only the kinds and the probes
// can see is reported, in file order.
func Compile(t *topology.Topology, machine bool) (*Plan, error) {
	p := &Plan{Topology: t, Machine: machine}
	var mistakes []error
	asked := 0
	for _, step := range t.Steps {
		if machine && step.Outside {
			continue
		}
		c := compiler{lab: t.Name.Text, state: &step.State, machine: machine, ipv6: t.HasIPv6()}
		c.all()
		stage := Stage{Step: step, Facts: c.facts}
		for _, check := range step.Verify {
			as, errs := probe.Read(check, &step.State)
			if asked += len(as); asked > probe.Most {
				return p, topology.Sorted(append(mistakes, tooMany(check)))
			}
			stage.Checks = more(stage.Checks, as)
			c.mistakes = append(c.mistakes, errs...)
		}
		p.Stages = append(p.Stages, stage)
		mistakes = append(mistakes, c.mistakes...)
	}
	return p, topology.Sorted(mistakes)
}

// more is append. The pairs of a large network, often all that is asked, are
// not copied.
func more(have, as []probe.Assertion) []probe.Assertion {
	if len(have) == 0 {
		return as
	}
	return append(have, as...)
}

func tooMany(at topology.Check) error {
	return &topology.Error{Pos: at.Kind.Pos, Path: "verify", Msg: fmt.Sprintf("a lab file may ask %d questions, and with this one there are more", probe.Most)}
}

// compiler collects the facts of one state, in the order in which a person
// would make them: rooms, switches, cables, settings, routes, rules, services.
type compiler struct {
	lab      string
	state    *topology.State
	machine  bool
	ipv6     bool // some step has an IPv6 address
	facts    []Step
	mistakes []error
	networks map[string][]network // by namespace; nil before somebody asks
}

func (c *compiler) add(pos topology.Pos, o op.Op) {
	c.facts = append(c.facts, Step{Op: o, Pos: pos})
}

func (c *compiler) all() {
	if !c.machine {
		c.plainBridges()
		c.host()
	}
	if slices.ContainsFunc(c.state.Namespaces, c.named) {
		c.add(topology.Pos{}, op.Names{})
	}
	for i := range c.state.Namespaces {
		c.namespace(&c.state.Namespaces[i])
	}
	c.each(c.second)
	for i := range c.state.Bridges {
		c.bridge(&c.state.Bridges[i])
	}
	for i := range c.state.Links {
		c.link(&c.state.Links[i])
	}
	c.each(c.lenders)
	c.each(c.attachments)
	c.each(c.tables)
	c.each(c.settings)
	c.each(c.routes)
	c.rules()
	c.each(c.ports)
	c.each(c.names)
	c.each(c.services)
	c.each(c.proxies)
}

func (c *compiler) each(f func(*topology.Namespace)) {
	for i := range c.state.Namespaces {
		if ns := &c.state.Namespaces[i]; !c.elsewhere(ns.Outside) {
			f(ns)
		}
	}
}

// elsewhere says whether an object belongs to a world that is not ours to build.
func (c *compiler) elsewhere(outside bool) bool { return c.machine && outside }

// named says whether a namespace of the file is to be made.
func (c *compiler) named(ns topology.Namespace) bool {
	return ns.Name.Text != topology.Host && !c.elsewhere(ns.Outside)
}

func (c *compiler) namespace(ns *topology.Namespace) {
	if c.elsewhere(ns.Outside) || c.state.Home(ns.Name.Text) != ns.Name.Text {
		return
	}
	if c.named(*ns) {
		c.add(ns.Name.Pos, op.Namespace{Name: ns.Name.Text})
	}
	if c.ipv6 && (c.named(*ns) || !c.machine) {
		c.add(ns.Name.Pos, noDAD(ns.Name.Text))
	}
	switch {
	case ns.Lo && ns.Name.Text == topology.Host:
		c.add(ns.Name.Pos, op.Lo{})
	case ns.Lo:
		c.add(ns.Name.Pos, op.Up{NS: ns.Name.Text, Dev: "lo"})
	}
	for _, a := range ns.LoAddress {
		c.add(a.Pos, op.Addr{NS: ns.Name.Text, Dev: "lo", Prefix: a.Prefix})
	}
}

func (c *compiler) bridge(b *topology.Bridge) {
	if c.elsewhere(b.Outside) {
		return
	}
	ns, name := b.In.Text, b.Name.Text
	if b.OpenVSwitch() {
		c.openVSwitch(b)
	} else {
		c.add(b.Name.Pos, op.NewBridge(b))
	}
	if b.MTU != 0 {
		c.add(b.Name.Pos, op.MTU{NS: ns, Dev: name, MTU: b.MTU})
	}
	for _, a := range b.Addresses {
		c.add(a.Pos, op.Addr{NS: ns, Dev: name, Prefix: a.Prefix})
	}
	c.add(b.Name.Pos, op.Up{NS: ns, Dev: name, Quiet: !c.ipv6})
}

func (c *compiler) link(l *topology.Link) {
	if c.elsewhere(l.Outside) {
		return
	}
	o, err := op.ReadLink(*l, c.state)
	if err != nil {
		c.mistakes = append(c.mistakes, err)
		return
	}
	c.add(l.Pos, o)
	for _, e := range l.Ends {
		c.end(e)
	}
	c.checksums(l)
}

func (c *compiler) end(e topology.End) {
	ns, master := c.state.Place(e)
	dev := e.Interface.Text
	if master != "" {
		c.add(e.Pos, c.port(ns, dev, master))
		if e.Hairpin {
			c.add(e.Pos, op.Hairpin{NS: ns, Dev: dev, Bridge: master})
		}
	}
	for _, a := range e.Addresses {
		c.add(a.Pos, op.Addr{NS: ns, Dev: dev, Prefix: a.Prefix})
	}
	c.add(e.Pos, op.Up{NS: ns, Dev: dev, Quiet: !c.ipv6})
}

func (c *compiler) settings(ns *topology.Namespace) {
	name := ns.Name.Text
	set := func(pos topology.Pos, key, value string) {
		if !c.saidAgain(ns, key) {
			c.add(pos, op.Sysctl{NS: name, Key: key, Value: value})
		}
	}
	if ns.Forward {
		set(ns.ForwardAt, "net.ipv4.ip_forward", "1")
		if c.ipv6 && !(c.machine && name == topology.Host) {
			set(ns.ForwardAt, "net.ipv6.conf.all.forwarding", "1")
		}
	}
	for _, s := range ns.Sysctls {
		set(s.Key.Pos, s.Key.Text, s.Value.Text)
	}
}

// saidAgain says whether a later entry of the same namespace sets key: the
// world outside may have its own idea of the host, and the lab's counts.
func (c *compiler) saidAgain(ns *topology.Namespace, key string) bool {
	later := false
	for i := range c.state.Namespaces {
		n := &c.state.Namespaces[i]
		if later && n.Name.Text == ns.Name.Text && says(n, key) {
			return true
		}
		later = later || n == ns
	}
	return false
}

func says(ns *topology.Namespace, key string) bool {
	forwarding := key == "net.ipv4.ip_forward" || key == "net.ipv6.conf.all.forwarding"
	return ns.Forward && forwarding ||
		slices.ContainsFunc(ns.Sysctls, func(s topology.Sysctl) bool { return s.Key.Text == key })
}

func (c *compiler) routes(ns *topology.Namespace) {
	for _, r := range ns.Routes {
		c.add(r.Pos, op.Route{
			NS: ns.Name.Text, To: r.To, Via: r.Via, Dev: r.Dev.Text, Metric: r.Metric,
			Out: c.out(ns.Name.Text, r),
		})
	}
}
