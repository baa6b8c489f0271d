package cni

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
)

// static gives the addresses that the configuration, or the runtime, has
// written down, as the IPAM plugin of that name does:
// https://www.cni.dev/plugins/current/ipam/static/. It keeps no book, so there
// is nothing to give back.
type static struct {
	nobody
	r         *request
	addresses []address
	Routes    []*types.Route `json:"routes"`
	DNS       types.DNS      `json:"dns"`
	Words     []struct {
		Address string `json:"address"` // with a prefix length
		Gateway string `json:"gateway"`
	} `json:"addresses"`
}

func (r *request) static() (ipam, error) {
	s := &static{r: r}
	if err := json.Unmarshal(r.conf.IPAM, s); err != nil {
		return nil, badStatic("%v", err)
	}
	for _, w := range s.Words {
		if err := s.read(w.Address, w.Gateway); err != nil {
			return nil, err
		}
	}
	asked := strings.FieldsFunc(string(r.args.IP), func(c rune) bool { return c == ',' }) // beside those of the file
	for _, ips := range [][]string{r.conf.Args.CNI.IPs, r.conf.RuntimeConfig.IPs} {       // in their place
		if len(ips) > 0 {
			s.addresses, asked = nil, ips
		}
	}
	for _, w := range asked {
		if err := s.read(strings.TrimSpace(w), ""); err != nil {
			return nil, err
		}
	}
	return s, s.through(string(r.args.GATEWAY))
}

func badStatic(format string, args ...any) error {
	return types.NewError(types.ErrInvalidNetworkConfig, "ipam static: "+fmt.Sprintf(format, args...), "")
}

// read takes an address with the gateway of its network, if any.
func (s *static) read(word, gateway string) (err error) {
	var a address
	if a.Prefix, err = netip.ParsePrefix(word); err != nil {
		return badStatic("address: %v: want one like 10.66.0.9/24", err)
	}
	if gateway != "" {
		if a.gateway, err = netip.ParseAddr(gateway); err != nil {
			return badStatic("gateway: %v", err)
		}
	}
	s.addresses = append(s.addresses, a)
	return nil
}

// through sets the gateway of the addresses that are in one network with it.
func (s *static) through(gateway string) error {
	if gateway == "" {
		return nil
	}
	gw, err := netip.ParseAddr(gateway)
	if err != nil {
		return badEnv(envArgs, "GATEWAY="+gateway, err.Error())
	}
	for i, a := range s.addresses {
		if a.Contains(gw) {
			s.addresses[i].gateway = gw
		}
	}
	return nil
}

func (s *static) add() (*current.Result, error) {
	if len(s.addresses) == 0 {
		return nil, badStatic("there is no address: %s", `"addresses": [{"address": "10.66.0.9/24"}]`)
	}
	result := &current.Result{Routes: s.Routes, DNS: s.DNS}
	for _, a := range s.addresses {
		ip := &current.IPConfig{Address: *ipNet(a.Prefix)}
		if a.gateway.IsValid() {
			ip.Gateway = net.IP(a.gateway.AsSlice())
		}
		result.IPs = append(result.IPs, ip)
	}
	return result, nil
}

// check looks for the addresses in the previous result: the kernel has been
// compared with that.
func (s *static) check() error {
	before, err := s.r.conf.before()
	if err != nil {
		return err
	}
	all, err := current.NewResultFromResult(before)
	if err != nil {
		return err
	}
	part, _, _ := s.r.own(all)
	for _, a := range s.addresses {
		if !slices.ContainsFunc(part.IPs, func(ip *current.IPConfig) bool { return prefixOf(ip.Address) == a.Prefix }) {
			return types.NewError(codeDiffers, fmt.Sprintf("prevResult does not give %s to %s of %s", a.Prefix, s.r.IfName, s.r.Container), "")
		}
	}
	return nil
}
