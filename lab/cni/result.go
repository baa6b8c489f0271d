package cni

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"

	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/version"
	"github.com/vishvananda/netlink"

	"nslab/topology"
)

// interfaces adds the bridge and the two ends of the cable to the result, as
// the kernel has them, and returns the index of the container's.
func (r *request) interfaces(result *current.Result) (int, error) {
	for _, at := range []struct{ ns, dev, sandbox string }{
		{topology.Host, r.conf.Bridge, ""}, {topology.Host, r.hostEnd(), ""}, {r.netns, r.IfName, r.netns},
	} {
		err := r.kernel.In(at.ns, func(h *netlink.Handle) error {
			l, err := h.LinkByName(at.dev)
			if err != nil {
				return err
			}
			i := &current.Interface{Name: at.dev, Mac: l.Attrs().HardwareAddr.String(), Sandbox: at.sandbox}
			if ok, _ := version.GreaterThanOrEqualTo(r.conf.CNIVersion, "1.1.0"); ok {
				i.Mtu = l.Attrs().MTU
			}
			result.Interfaces = append(result.Interfaces, i)
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return len(result.Interfaces) - 1, nil
}

// tell adds addresses and routes to the result.
func (l *layer3) tell(result *current.Result, own int) {
	for _, a := range l.addrs {
		result.IPs = append(result.IPs, &current.IPConfig{
			Interface: new(own), Address: *ipNet(a.Prefix), Gateway: a.gateway.AsSlice(),
		})
	}
	for i := range l.routes {
		result.Routes = append(result.Routes, &l.routes[i])
	}
}

// whole refuses a result that others have made and that has null in the place of
// an interface, an address or a route: libcni reads it, and then falls over it.
func whole(result types.Result) error {
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	if hasHole(doc) {
		return fmt.Errorf("null in a list: %s", text)
	}
	return nil
}

// hasHole says whether there is null in a list of a JSON document.
func hasHole(doc any) bool {
	switch doc := doc.(type) {
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(doc)), hasHole)
	case []any:
		return slices.Contains(doc, nil) || slices.ContainsFunc(doc, hasHole)
	}
	return false
}

// dns is what the configuration says, else what the IPAM plugin has given, else
// what the plugins ahead have said.
func (r *request) dns(result, given *current.Result) {
	for _, dns := range []types.DNS{given.DNS, r.conf.DNS} {
		if !dns.IsEmpty() {
			result.DNS = dns
		}
	}
}

// own is the part of a result that is about this attachment: its addresses, and
// the routes that lead by them. mac is the address of the container's end.
func (r *request) own(all *current.Result) (part *current.Result, mac string, ok bool) {
	part = &current.Result{}
	for i, have := range all.Interfaces {
		if have.Name != r.IfName || have.Sandbox != r.netns {
			continue
		}
		mac, ok = have.Mac, true
		for _, ip := range all.IPs {
			if ip.Interface != nil && *ip.Interface == i {
				part.IPs = append(part.IPs, ip)
			}
		}
	}
	for _, route := range all.Routes {
		if leads(part.IPs, route.GW) {
			part.Routes = append(part.Routes, route)
		}
	}
	return part, mac, ok
}

// leads says whether a gateway is in the network of one of the addresses.
func leads(ips []*current.IPConfig, gw net.IP) bool {
	return gw == nil || slices.ContainsFunc(ips, func(ip *current.IPConfig) bool {
		return ip.Address.Contains(gw)
	})
}

// ipNet is an address as the older half of the standard library has it.
func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
