package cni

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/lab/op"
	"nslab/topology"
)

// bridgeOwner is whose mark a bridge carries: networks may share one.
func (r *request) bridgeOwner() *op.Kernel { return r.as("cni/" + r.conf.Bridge) }

func (r *request) bridge() op.Bridge {
	return op.NewBridge(&topology.Bridge{Name: word(r.conf.Bridge), In: word(topology.Host)})
}

// bridgeFacts are true of the bridge once it is there, whoever made it.
func (r *request) bridgeFacts() []op.Op {
	facts := []op.Op{op.Up{NS: topology.Host, Dev: r.conf.Bridge}}
	if r.conf.PromiscMode {
		facts = append(facts, op.Promisc{NS: topology.Host, Dev: r.conf.Bridge})
	}
	return facts
}

// ensureBridge makes the bridge where there is none. One that is there is taken
// as it is, whosever it is.
func (r *request) ensureBridge() error {
	facts := r.bridgeFacts()
	l, err := r.hostLink(r.conf.Bridge)
	switch {
	case errors.As(err, new(netlink.LinkNotFoundError)):
		facts = slices.Insert(facts, 0, op.Op(r.bridge()))
		if r.conf.MTU != 0 {
			facts = slices.Insert(facts, 1, op.Op(op.MTU{NS: topology.Host, Dev: r.conf.Bridge, MTU: r.conf.MTU}))
		}
	case err != nil:
		return err
	case l.Type() != "bridge":
		return types.NewError(types.ErrInvalidNetworkConfig, fmt.Sprintf("bridge %q: an interface of that name is there, but it is a %s", r.conf.Bridge, l.Type()), "")
	}
	k := r.bridgeOwner()
	for _, f := range facts {
		diff, err := f.Diff(k)
		if err == nil && diff != "" {
			err = f.Do(k)
		}
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("%s: %w", f.Command(), err)
		}
	}
	return nil
}

// hostLink is an interface of the host.
func (r *request) hostLink(name string) (l netlink.Link, err error) {
	err = r.kernel.In(topology.Host, func(h *netlink.Handle) error {
		l, err = h.LinkByName(name)
		return err
	})
	return l, err
}

// settle removes what attachments shared when none of them is left: what the
// bridge let out of 127.0.0.1; the bridge itself, if nslab has made it and
// nothing is plugged in; and after the last of this machine what forwarding
// was before the first.
func (r *request) settle() error {
	var links []netlink.Link
	err := r.kernel.In(topology.Host, func(h *netlink.Handle) (err error) {
		links, err = op.LinkList(h)
		return err
	})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(links, r.plugged(links)) {
		if err := r.localnet().Undo(r.bridgeOwner()); err != nil {
			return err
		}
	}
	if r.idle(links) {
		if err := r.bridge().Undo(r.bridgeOwner()); err != nil {
			return err
		}
		links = slices.DeleteFunc(links, func(l netlink.Link) bool { return l.Attrs().Name == r.conf.Bridge })
	}
	if slices.ContainsFunc(links, op.IsGuest) {
		return nil
	}
	k := r.bridgeOwner()
	return errors.Join(forwarding(netip.IPv4Unspecified()).Undo(k), forwarding(netip.IPv6Unspecified()).Undo(k), forget())
}

// plugged says whether an attachment is plugged into the bridge.
func (r *request) plugged(links []netlink.Link) func(netlink.Link) bool {
	i := slices.IndexFunc(links, func(l netlink.Link) bool { return l.Attrs().Name == r.conf.Bridge })
	return func(l netlink.Link) bool {
		return i >= 0 && l.Attrs().MasterIndex == links[i].Attrs().Index && op.IsGuest(l)
	}
}

// idle says whether nothing is plugged into the bridge.
func (r *request) idle(links []netlink.Link) bool {
	i := slices.IndexFunc(links, func(l netlink.Link) bool { return l.Attrs().Name == r.conf.Bridge })
	return i >= 0 && !slices.ContainsFunc(links, func(l netlink.Link) bool {
		return l.Attrs().MasterIndex == links[i].Attrs().Index
	})
}

// forwarding is the setting that a gateway needs.
func forwarding(a netip.Addr) op.Sysctl {
	if a.Is6() {
		return op.Sysctl{NS: topology.Host, Key: "net.ipv6.conf.all.forwarding", Value: "1"}
	}
	return op.Sysctl{NS: topology.Host, Key: "net.ipv4.ip_forward", Value: "1"}
}

// rivals are the addresses of the bridge that the gateway's cannot stand beside:
// those of its subnet, and for IPv4, as the bridge plugin has it, every one.
func (r *request) rivals(gateway netip.Prefix) (out []op.Op, err error) {
	err = r.kernel.In(topology.Host, func(h *netlink.Handle) error {
		l, err := h.LinkByName(r.conf.Bridge)
		if err != nil {
			return err
		}
		have, err := h.AddrList(l, netlink.FAMILY_ALL)
		for _, a := range have {
			p := prefixOf(*a.IPNet)
			if p != gateway && p.Addr().Is4() == gateway.Addr().Is4() && (p.Addr().Is4() || p.Overlaps(gateway)) {
				out = append(out, op.Addr{NS: topology.Host, Dev: r.conf.Bridge, Prefix: p})
			}
		}
		return err
	})
	return out, err
}

// prefixOf is an address as the standard library's newer half has it.
func prefixOf(n net.IPNet) netip.Prefix {
	a, _ := netip.AddrFromSlice(n.IP)
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), ones)
}
