package cni

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"

	"nslab/lab/cni/hostlocal"
)

// local is nslab in the place of host-local.
type local struct {
	*hostlocal.Config
	r *request
}

func (r *request) local() (local, error) {
	c, err := hostlocal.Read(r.Network, r.conf.IPAM, r.conf.RuntimeConfig.IPRanges)
	if err != nil {
		return local{}, types.NewError(types.ErrInvalidNetworkConfig, err.Error(), "")
	}
	return local{c, r}, nil
}

func (l local) add() (*current.Result, error) {
	wanted, err := l.r.wanted()
	if err != nil {
		return nil, err
	}
	given, err := l.Reserve(l.r.holder(), wanted)
	if errors.Is(err, hostlocal.ErrExhausted) {
		return nil, types.NewError(types.ErrTryAgainLater, err.Error(), "")
	}
	if err != nil {
		return nil, err
	}
	result := &current.Result{Routes: l.routes()}
	for _, a := range given {
		result.IPs = append(result.IPs, &current.IPConfig{Address: *ipNet(a.Prefix), Gateway: a.Gateway.AsSlice()})
	}
	result.DNS, err = resolver(l.Resolv)
	return result, err
}

func (l local) routes() (out []*types.Route) {
	for i := range l.Routes {
		out = append(out, &l.Routes[i])
	}
	return out
}

// holder is the owner of an address.
func (a attachment) holder() hostlocal.Owner {
	return hostlocal.Owner{Container: a.Container, IfName: a.IfName}
}

// wanted are the addresses that the runtime or its user asks for.
func (r *request) wanted() ([]netip.Addr, error) {
	words := slices.Concat(r.conf.RuntimeConfig.IPs, r.conf.Args.CNI.IPs, strings.FieldsFunc(string(r.args.IP), func(c rune) bool { return c == ',' }))
	var out []netip.Addr
	for _, w := range words {
		bare, _, _ := strings.Cut(strings.TrimSpace(w), "/") // the subnet has the length
		a, err := netip.ParseAddr(bare)
		if err != nil {
			return nil, types.NewError(types.ErrInvalidNetworkConfig, fmt.Sprintf("the address asked for: %v", err), "")
		}
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out, nil
}

func (l local) del(a attachment) error { return l.Release(a.holder()) }
func (l local) early() bool            { return false }

// check looks for the addresses of the previous result in the book.
func (l local) check() error {
	held, err := l.Held(l.r.holder())
	if err == nil && len(held) == 0 {
		err = types.NewError(codeDiffers, fmt.Sprintf("no address is reserved for %s of %s", l.r.IfName, l.r.Container), "")
	}
	return err
}

func (l local) status() error {
	err := l.Room()
	if errors.Is(err, hostlocal.ErrExhausted) {
		return types.NewError(types.ErrPluginNotAvailable, err.Error(), "")
	}
	return err
}

func (l local) gc(valid map[string]bool) error {
	stale, err := l.stale(valid)
	errs := []error{err}
	for _, a := range stale {
		errs = append(errs, l.del(a))
	}
	return errors.Join(errs...)
}

// stale are those who have an address and are not valid.
func (l local) stale(valid map[string]bool) (out []attachment, err error) {
	owners, err := l.Owners()
	for _, o := range owners {
		a := attachment{l.r.Network, o.Container, o.IfName}
		if !valid[a.key()] {
			out = append(out, a)
		}
	}
	return out, err
}

// resolver reads a file in the form of resolv.conf(5), none when path is "".
func resolver(path string) (dns types.DNS, err error) {
	if path == "" {
		return dns, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return dns, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			dns.Nameservers = append(dns.Nameservers, words[1])
		case "domain":
			dns.Domain = words[1]
		case "search":
			dns.Search = append(dns.Search, words[1:]...)
		case "options":
			dns.Options = append(dns.Options, words[1:]...)
		}
	}
	return dns, lines.Err()
}
