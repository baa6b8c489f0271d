package cni

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"

	"nslab/lab/op"
	"nslab/topology"
)

// chained is a plugin that comes behind another one in a list: it gives rules of
// the host to a container that is plugged in already, learns from prevResult
// what there is, and hands that on.
type chained struct {
	mark        string    // begins its marks
	publishes   bool      // it has the capability portMappings
	unsupported []foreign // keys of the reference's that it does not have
	facts       func(*layer3, *request) []fact
}

// chains are the plugins of that kind which nslab can stand in for, by the names
// it is called by then: https://www.cni.dev/plugins/current/meta/.
var chains = map[string]chained{
	"nslab-portmap": {"cni-portmap/", true, []foreign{
		{"conditionsV4", []string{"[]"}},
		{"conditionsV6", []string{"[]"}},
		{"snat", []string{"true"}},
		{"masqAll", []string{"false"}},
		{"externalSetMarkChain", nil},
		{"backend", []string{`""`, `"iptables"`, `"nftables"`}},
	}, (*layer3).published},
	"nslab-firewall": {"cni-firewall/", false, []foreign{
		{"ingressPolicy", []string{`""`, `"open"`}},
		{"backend", []string{`""`, `"iptables"`}},
		{"iptablesAdminChainName", []string{`""`}},
		{"firewalldZone", []string{`""`}},
	}, (*layer3).admitted},
}

// chainedCommands are the commands of such a plugin.
var chainedCommands = map[string]func(*request) (types.Result, error){
	"ADD": addBehind, "CHECK": noResult(checkBehind), "DEL": noResult(delBehind), "GC": noResult(gcBehind),
	"STATUS": noResult(func(*request) error { return nil }),
}

func (r *request) checkChained(c chained) error {
	r.conf.Bridge = "" // it may be any
	if !c.publishes {
		r.conf.RuntimeConfig.Ports = nil
	}
	if r.takesBack() {
		return nil
	}
	return errors.Join(refuse(r.raw, c.unsupported), r.readPorts())
}

// ahead is what the plugins ahead have made, and the layer 3 of it.
func (r *request) ahead() (types.Result, *layer3, error) {
	before, err := r.conf.before()
	if err != nil {
		return nil, nil, err
	}
	if before == nil {
		return nil, nil, types.NewError(types.ErrInvalidNetworkConfig, r.name+" comes behind a plugin that makes an interface: prevResult is missing", "")
	}
	all, err := current.NewResultFromResult(before)
	if err != nil {
		return nil, nil, err
	}
	own, _, ok := r.own(all)
	if !ok {
		return nil, nil, types.NewError(types.ErrInvalidNetworkConfig, fmt.Sprintf("prevResult has no interface %s in %s", r.IfName, r.netns), "")
	}
	return before, r.layer3(own), nil
}

func addBehind(r *request) (types.Result, error) {
	before, l, err := r.ahead()
	if err != nil {
		return nil, err
	}
	return before, locked(func() error {
		if err := l.freePorts(r); err != nil {
			return errors.Join(err, forgetLast())
		}
		a := &adder{request: r}
		if err := a.make(chains[r.name].facts(l, r)); err != nil {
			return errors.Join(err, undo(a.made), forgetLast())
		}
		return nil
	})
}

func checkBehind(r *request) error {
	_, l, err := r.ahead()
	if err != nil {
		return err
	}
	return different(chains[r.name].facts(l, r))
}

func delBehind(r *request) error {
	return locked(func() error {
		return errors.Join(r.sweep(func(_ op.Trace, key string) bool { return key == r.key() }), forgetLast())
	})
}

func gcBehind(r *request) error {
	valid, told := r.conf.valid()
	if !told {
		return nil
	}
	return locked(func() error {
		return errors.Join(r.sweep(func(_ op.Trace, key string) bool { return !valid[key] }), forgetLast())
	})
}

// forgetLast removes what attachments share after the last of them.
func forgetLast() error {
	traces, err := op.GuestTraces()
	if err != nil || len(traces) > 0 {
		return err
	}
	return forget()
}

// admitted are the rules of a firewall that lets the container begin, and the
// others answer.
func (l *layer3) admitted(r *request) (facts []fact) {
	k := r.as(r.owner())
	for _, a := range l.addrs {
		self := netip.PrefixFrom(a.Addr(), a.Addr().BitLen())
		there := topology.Rule{Table: topology.TableFilter, Chain: "FORWARD", IPv6: a.Addr().Is6(), Source: self, Target: "ACCEPT"}
		back := topology.Rule{
			Table: topology.TableFilter, Chain: "FORWARD", IPv6: a.Addr().Is6(), Destination: self, CTState: "RELATED,ESTABLISHED", Target: "ACCEPT",
		}
		facts = append(facts, fact{op.Rule{NS: topology.Host, Rule: back}, k}, fact{op.Rule{NS: topology.Host, Rule: there}, k})
	}
	return facts
}
