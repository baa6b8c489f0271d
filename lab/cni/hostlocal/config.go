// Package hostlocal gives addresses out of ranges and keeps book of them in a
// directory, as the CNI plugin host-local does. Configuration and directory are
// the same, so that the two may take turns with one network: what one of them
// has reserved the other does not give away, and may release.
package hostlocal

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"

	"github.com/containernetworking/cni/pkg/types"
)

// Dir is where the networks' directories are unless the configuration says
// `dataDir`. It outlives a reboot, as host-local's does.
const Dir = "/var/lib/cni/networks"

// Config is the key `ipam` of a network configuration, see
// https://www.cni.dev/plugins/current/ipam/host-local/.
type Config struct {
	Network string        `json:"-"`
	DataDir string        `json:"dataDir"`
	Ranges  []RangeSet    `json:"ranges"`
	Resolv  string        `json:"resolvConf"`
	Routes  []types.Route `json:"routes"`

	Range // the one of old configurations
}

// RangeSet are ranges of one family, of which an attachment gets one address.
type RangeSet []Range

// Range is a part of a subnet. Without a start or an end it is all of it, but
// for the network's and the broadcast address; the gateway is never given away.
type Range struct {
	Subnet  netip.Prefix `json:"subnet"`
	Start   netip.Addr   `json:"rangeStart"`
	End     netip.Addr   `json:"rangeEnd"`
	Gateway netip.Addr   `json:"gateway"` // the subnet's first address when not given
}

// Read reads the configuration of a network. ranges are further range sets, of
// the capability ipRanges, which come first.
func Read(network string, ipam []byte, ranges []RangeSet) (*Config, error) {
	c := &Config{Network: network, DataDir: Dir}
	if err := json.Unmarshal(ipam, c); err != nil {
		return nil, fmt.Errorf("ipam: %w", err)
	}
	if c.Subnet.IsValid() {
		c.Ranges = slices.Insert(c.Ranges, 0, RangeSet{c.Range})
	}
	c.Ranges = slices.Concat(ranges, c.Ranges)
	if len(c.Ranges) == 0 {
		return nil, errors.New(`ipam: there is no range: "ranges": [[{"subnet": "10.66.0.0/24"}]]`)
	}
	for i, set := range c.Ranges {
		if err := set.complete(); err != nil {
			return nil, fmt.Errorf("ipam.ranges[%d]: %w", i, err)
		}
	}
	return c, c.apart()
}

// dir is the directory of the network.
func (c *Config) dir() string { return filepath.Join(c.DataDir, c.Network) }

// complete checks the ranges of a set and fills in what they do not say.
func (s RangeSet) complete() error {
	if len(s) == 0 {
		return errors.New("is empty")
	}
	for i := range s {
		if err := s[i].complete(); err != nil {
			return err
		}
		if s[i].Subnet.Addr().Is4() != s[0].Subnet.Addr().Is4() {
			return fmt.Errorf("%s and %s are not of one family: each has a range set of its own", s[0].Subnet, s[i].Subnet)
		}
	}
	return nil
}

func (r *Range) complete() error {
	if !r.Subnet.IsValid() {
		return errors.New(`a range has a subnet: {"subnet": "10.66.0.0/24"}`)
	}
	if r.Subnet != r.Subnet.Masked() {
		return fmt.Errorf("subnet %s: the address of that network is %s", r.Subnet, r.Subnet.Masked())
	}
	if r.Subnet.Addr().BitLen()-r.Subnet.Bits() < 2 {
		return fmt.Errorf("subnet %s is too small to give addresses from", r.Subnet)
	}
	first, last := usable(r.Subnet)
	for at, value := range map[*netip.Addr]netip.Addr{&r.Start: first, &r.End: last, &r.Gateway: first} {
		if !at.IsValid() {
			*at = value
		}
	}
	for key, a := range map[string]netip.Addr{"rangeStart": r.Start, "rangeEnd": r.End, "gateway": r.Gateway} {
		if !r.Subnet.Contains(a) {
			return fmt.Errorf("%s %s is not in subnet %s", key, a, r.Subnet)
		}
	}
	if r.End.Less(r.Start) {
		return fmt.Errorf("rangeEnd %s comes before rangeStart %s", r.End, r.Start)
	}
	return nil
}

// usable are the first and the last address of a subnet that a host may have.
func usable(p netip.Prefix) (first, last netip.Addr) {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ = netip.AddrFromSlice(b)
	if last.Is4() {
		last = last.Prev() // broadcast
	}
	return p.Addr().Next(), last
}

// apart checks that no address is in two ranges.
func (c *Config) apart() error {
	all := slices.Concat(c.Ranges...)
	for i, a := range all {
		for _, b := range all[:i] {
			if !a.End.Less(b.Start) && !b.End.Less(a.Start) {
				return fmt.Errorf("ipam: the ranges %s and %s have addresses in common", b, a)
			}
		}
	}
	return nil
}

func (r Range) String() string { return r.Start.String() + "-" + r.End.String() }

func (r Range) contains(a netip.Addr) bool { return !a.Less(r.Start) && !r.End.Less(a) }
