package cni

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"

	"nslab/lab/netns"
)

// dhcpIPAM is the IPAM plugin that asks a server on the wire.
const dhcpIPAM = "dhcp"

// How often a server is asked, and how long it has for the first answer; each
// further time it has twice as long, so that ADD waits for 7 s and DEL for 3.
const (
	askFirst = time.Second
	askAdd   = 3
	askDel   = 2
)

// leased gives the address that a server of DHCP lends, as the IPAM plugin dhcp
// does: https://www.cni.dev/plugins/current/ipam/dhcp/. That one has a daemon,
// which stays and renews the lease. Here nobody stays: the lease ends when it ends.
type leased struct {
	nobody
	r *request
}

// early: the lease is given back through the cable.
func (leased) early() bool { return true }

// add asks for an address: DISCOVER, OFFER, REQUEST, ACK (RFC 2131 section 3.1).
func (l leased) add() (given *current.Result, err error) {
	err = l.ask(l.r.attachment, askAdd, func(c *nclient4.Client, _ net.PacketConn, as dhcpv4.Modifier) error {
		lease, err := c.Request(context.Background(), as)
		if errors.Is(err, nclient4.ErrNoResponse) {
			return types.NewError(types.ErrTryAgainLater, fmt.Sprintf("ipam dhcp: %s has asked for an address, and nobody has answered", l.r.IfName),
				fmt.Sprintf("is a server of DHCP plugged into %s, and has it an address left?", l.r.conf.Bridge))
		}
		if err != nil {
			return fmt.Errorf("ipam dhcp: %w", err)
		}
		given, err = lent(lease.ACK)
		return err
	})
	return given, err
}

// del gives the address back. Nothing of ADD was written down, so the server is
// asked what it is: to DISCOVER it offers a client the address that it has (RFC
// 2131 section 4.3.1). Without interface or server there is nobody to tell.
func (l leased) del(a attachment) error {
	err := l.ask(a, askDel, func(c *nclient4.Client, conn net.PacketConn, as dhcpv4.Modifier) error {
		offer, err := c.DiscoverOffer(context.Background(), as)
		if err != nil {
			return err
		}
		m, err := dhcpv4.NewReleaseFromACK(offer, as)
		if err != nil {
			return err
		}
		// To everybody: the address may be gone from the interface, and who is
		// asked alone does not listen to 0.0.0.0.
		_, err = conn.WriteTo(m.ToBytes(), nclient4.DefaultServers)
		return err
	})
	if errors.Is(err, nclient4.ErrNoResponse) || errors.Is(err, errNoInterface) {
		return nil
	}
	return err
}

// errNoInterface says that there is no wire to ask on.
var errNoInterface = errors.New("the interface is not there")

// ask runs f with a client on the container's end of the cable, and with what it
// says of itself: the same as the reference's does, so that the two may take turns.
func (l leased) ask(a attachment, tries int, f func(*nclient4.Client, net.PacketConn, dhcpv4.Modifier) error) error {
	conn, mac, err := l.wire(a.IfName)
	if err != nil {
		return err
	}
	c, err := nclient4.NewWithConn(conn, mac, nclient4.WithTimeout(askFirst), nclient4.WithRetry(tries))
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	id := "\x00" + a.Container + "/" + a.Network + "/" + a.IfName
	err = f(c, conn, dhcpv4.WithOption(dhcpv4.OptClientIdentifier([]byte(id[:min(len(id), 255)]))))
	return errors.Join(err, c.Close())
}

// wire is a socket on an interface of the container, and its MAC address.
func (l leased) wire(ifName string) (conn net.PacketConn, mac net.HardwareAddr, err error) {
	n, err := netns.OpenPath(l.r.netns)
	if err != nil {
		return nil, nil, errors.Join(errNoInterface, err)
	}
	defer n.Close()
	err = n.Do(func() error { // the socket stays inside
		dev, err := net.InterfaceByName(ifName)
		if err != nil {
			return errors.Join(errNoInterface, err)
		}
		mac = dev.HardwareAddr
		conn, err = nclient4.NewRawUDPConn(ifName, nclient4.ClientPort)
		return err
	})
	return conn, mac, err
}

// lent is what a server has lent, in the words of CNI. Routes of option 121 take
// the place of the router (RFC 3442).
func lent(ack *dhcpv4.DHCPv4) (*current.Result, error) {
	mask := ack.SubnetMask()
	if mask == nil {
		return nil, errors.New("ipam dhcp: the server has lent " + ack.YourIPAddr.String() + " and not said of which network (option 1, the subnet mask)")
	}
	ip := &current.IPConfig{Address: net.IPNet{IP: ack.YourIPAddr, Mask: mask}}
	given := &current.Result{CNIVersion: current.ImplementedSpecVersion, IPs: []*current.IPConfig{ip}}
	for _, r := range ack.ClasslessStaticRoute() {
		given.Routes = append(given.Routes, &types.Route{Dst: *r.Dest, GW: r.Router})
	}
	if routers := ack.Router(); len(routers) > 0 {
		ip.Gateway = routers[0]
		if len(given.Routes) == 0 {
			given.Routes = []*types.Route{{Dst: net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, GW: ip.Gateway}}
		}
	}
	return given, nil
}
