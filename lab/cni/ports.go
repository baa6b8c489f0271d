package cni

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/containernetworking/cni/pkg/types"

	"nslab/lab"
	"nslab/lab/op"
	"nslab/topology"
)

// portMapping is a port of the host that leads into the container: capability
// portMappings, https://www.cni.dev/docs/conventions/.
type portMapping struct {
	HostPort      int    `json:"hostPort"` // 0: it is not published
	ContainerPort int    `json:"containerPort"`
	Protocol      string `json:"protocol"` // tcp when not given
	HostIP        string `json:"hostIP"`   // every address of the host when not given
}

// published is a mapping, read.
type published struct {
	proto        string
	at           netip.Addr // unspecified: every one of that family; not valid: of both
	port, target uint16
}

// readPorts reads what the runtime wants published. Whoever only takes an
// attachment back has nothing against any of it.
func (r *request) readPorts() error {
	if r.command != "ADD" && r.command != "CHECK" {
		return nil
	}
	for _, m := range r.conf.RuntimeConfig.Ports {
		if m.HostPort == 0 {
			continue
		}
		p, err := m.read()
		if err != nil {
			return err
		}
		if slices.ContainsFunc(r.ports, p.rivals) {
			return badPort(types.ErrInvalidNetworkConfig, m, "another mapping has this port of the host")
		}
		if p.at.IsLoopback() && r.conf.Bridge == "" {
			return badPort(types.ErrUnsupportedField, m, r.name+" leads nothing away from 127.0.0.1: "+Plugin+" itself does, with this capability")
		}
		r.ports = append(r.ports, p)
	}
	return nil
}

func (m portMapping) read() (p published, err error) {
	p = published{proto: strings.ToLower(cmp.Or(m.Protocol, "tcp")), port: uint16(m.HostPort), target: uint16(m.ContainerPort)}
	switch {
	case int(p.port) != m.HostPort, int(p.target) != m.ContainerPort || p.target == 0:
		return p, badPort(types.ErrInvalidNetworkConfig, m, "a port is 1 to 65535")
	case p.proto != "tcp" && p.proto != "udp":
		return p, badPort(types.ErrUnsupportedField, m, "protocol is tcp or udp")
	case m.HostIP == "":
		return p, nil
	}
	if p.at, err = netip.ParseAddr(m.HostIP); err != nil {
		return p, badPort(types.ErrInvalidNetworkConfig, m, err.Error())
	}
	if p.at = p.at.Unmap(); p.at == netip.IPv6Loopback() {
		return p, badPort(types.ErrUnsupportedField, m, "the kernel leads nothing away from ::1")
	}
	return p, nil
}

func badPort(code uint, m portMapping, why string) error {
	return types.NewError(code, fmt.Sprintf("runtimeConfig.portMappings: host port %d %s %s to %d: %s", m.HostPort, m.HostIP, m.Protocol, m.ContainerPort, why), "")
}

// rivals says whether two mappings want the same port.
func (p published) rivals(o published) bool {
	every := func(a netip.Addr) bool { return !a.IsValid() || a.IsUnspecified() }
	meet := !p.at.IsValid() || !o.at.IsValid() || p.at.Is4() == o.at.Is4() && (every(p.at) || every(o.at)) || p.at == o.at
	return p.proto == o.proto && p.port == o.port && meet
}

// leads says whether the mapping can lead to an address.
func (p published) leads(to netip.Addr) bool { return !p.at.IsValid() || p.at.Is4() == to.Is4() }

// single is the address that is to be asked for, when not every one will do.
func (p published) single() netip.Prefix {
	if !p.at.IsValid() || p.at.IsUnspecified() {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(p.at, p.at.BitLen())
}

// local says whether the port is led away from 127.0.0.1 as well.
func (p published) local(to netip.Addr) bool {
	return to.Is4() && (!p.single().IsValid() || p.at.IsLoopback())
}

// targets are the addresses to which ports lead: the first of each family.
func (l *layer3) targets() (out []netip.Prefix) {
	for _, a := range l.addrs {
		if !slices.ContainsFunc(out, func(p netip.Prefix) bool { return p.Addr().Is4() == a.Addr().Is4() }) {
			out = append(out, a.Prefix)
		}
	}
	return out
}

// freePorts checks that nobody has the ports of the host that are to be
// published. Every attachment of this machine looks and publishes under one lock.
func (l *layer3) freePorts(r *request) error {
	for _, p := range r.ports {
		reached := false
		for _, to := range l.targets() {
			if !p.leads(to.Addr()) {
				continue
			}
			reached = true
			at := netip.AddrPortFrom(unspecified(to.Addr()), p.port)
			if s := p.single(); s.IsValid() {
				at = netip.AddrPortFrom(s.Addr(), p.port)
			}
			if by := lab.PortTaken(r.kernel, p.proto, at, r.keeps); by != "" {
				return types.NewError(codeTaken, fmt.Sprintf("port %s/%s of the host cannot be published for %s of %s: %s", at, p.proto, r.IfName, r.Container, by), "choose another hostPort")
			}
		}
		if !reached {
			return types.NewError(types.ErrInvalidNetworkConfig, fmt.Sprintf("port %d/%s cannot be published: %s of %s has no address of that family", p.port, p.proto, r.IfName, r.Container), "")
		}
	}
	return nil
}

// keeps says whether a process keeps ports for the container, as podman's conmon
// does, which is told the container's ID in an argument: a port that nobody else
// can take, and at which nobody answers.
func (r *request) keeps(pid string) bool {
	argv, _ := os.ReadFile("/proc/" + pid + "/cmdline") // gone: the port is free
	return slices.Contains(strings.Split(string(argv), "\x00"), r.Container)
}

// published are the rules of the ports, each once: two ports may lead to one.
func (l *layer3) published(r *request) (facts []fact) {
	k := r.as(r.owner())
	for _, p := range r.ports {
		for _, to := range l.targets() {
			if !p.leads(to.Addr()) {
				continue
			}
			for _, rule := range p.rules(r.conf.Bridge, to) {
				rule.IPv6 = to.Addr().Is6()
				o := op.Op(op.Rule{NS: topology.Host, Rule: rule})
				if !slices.ContainsFunc(facts, func(f fact) bool { return f.Op == o }) {
					facts = append(facts, fact{o, k})
				}
			}
		}
	}
	return facts
}

// rules publish a port: the way in for what comes from outside and for what the
// host itself sends; and, for who is in the container's network or on
// 127.0.0.1, another source, so that the answer comes back the same way. For
// 127.0.0.1 the bridge has to be known, by its name.
func (p published) rules(bridge string, to netip.Prefix) (out []topology.Rule) {
	in := topology.Rule{
		Table: topology.TableNAT, Chain: "PREROUTING", Destination: p.single(), Protocol: p.proto,
		DstPort: p.port, DstType: "LOCAL", Target: "DNAT", To: netip.AddrPortFrom(to.Addr(), p.target),
	}
	own := in
	own.Chain = "OUTPUT"
	if to.Addr().Is6() && !own.Destination.IsValid() {
		own.Destination, own.NotDestination = netip.PrefixFrom(netip.IPv6Loopback(), 128), true
	}
	back := topology.Rule{
		Table: topology.TableNAT, Chain: "POSTROUTING", Destination: netip.PrefixFrom(to.Addr(), to.Addr().BitLen()),
		Protocol: p.proto, DstPort: p.target, CTState: "DNAT", Target: "MASQUERADE",
	}
	out = append(out, own)
	if !p.at.IsLoopback() {
		back.Source = to.Masked()
		out = append(out, in, back)
	}
	if bridge != "" && p.local(to.Addr()) {
		back.Source = loopback
		out = append(out, back, guard(bridge))
	}
	return out
}

var loopback = netip.MustParsePrefix("127.0.0.0/8")

// guard keeps containers away from what listens on 127.0.0.1 of the host alone,
// which route_localnet would let them reach: CVE-2020-8558.
func guard(bridge string) topology.Rule {
	return topology.Rule{
		Table: topology.TableFilter, Chain: "INPUT", InDev: bridge, Destination: loopback, CTState: "INVALID,NEW", Target: "DROP",
	}
}

// localnet lets what is led away from 127.0.0.1 leave by the bridge:
// ip-sysctl.rst of the kernel, route_localnet.
func (r *request) localnet() op.Sysctl {
	dev := strings.ReplaceAll(r.conf.Bridge, ".", "/")
	return op.Sysctl{NS: topology.Host, Key: "net.ipv4.conf." + dev + ".route_localnet", Value: "1"}
}
