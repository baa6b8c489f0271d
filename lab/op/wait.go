package op

import (
	"context"
	"net"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Waiter is a fact that takes effect some time after Do has returned.
type Waiter interface {
	Op
	// Wait returns when the fact has taken effect or never will, woken by the
	// kernel's own events; at the latest when ctx ends, with its error.
	Wait(context.Context, *Kernel) error
}

// forwarding is BR_STATE_FORWARDING of linux/if_bridge.h.
const forwarding = 3

// Wait returns when the interface carries packets. The kernel takes note of a
// carrier a moment after it is there, and drops what is sent before that; an
// ARP question that is lost so is asked again only a second later.
func (u Up) Wait(ctx context.Context, k *Kernel) error {
	return k.await(ctx, u.NS, func() (bool, error) { return u.operational(k) })
}

// operational says whether there is nothing to wait for: the interface works,
// or it cannot, because nothing is plugged in. See operstates in the kernel's
// documentation.
func (u Up) operational(k *Kernel) (ready bool, err error) {
	err = u.set(k, func(_ *netlink.Handle, l netlink.Link) error {
		at := l.Attrs()
		live := uint32(unix.IFF_UP | unix.IFF_LOWER_UP)
		ready = at.RawFlags&live != live || at.OperState == netlink.OperUp || at.OperState == netlink.OperUnknown
		return nil
	})
	return ready, err
}

// Wait returns when the port forwards. The kernel gets there a moment after
// the carrier does; with spanning tree, after twice the forward delay.
func (m Master) Wait(ctx context.Context, k *Kernel) error {
	return k.await(ctx, m.NS, func() (bool, error) { return m.forwards(k) })
}

// await returns when ready says so, asking again at every event of the
// namespace's links. What does not exist (any more) is not waited for.
func (k *Kernel) await(ctx context.Context, ns string, ready func() (bool, error)) error {
	if done, err := ready(); done || err != nil {
		return gone(err)
	}
	n, err := k.Open(ns)
	if err != nil {
		return gone(err)
	}
	defer n.Close()
	at := netns.NsHandle(n.Fd())
	events, done := make(chan netlink.LinkUpdate, 64), make(chan struct{})
	defer close(done)
	if err := netlink.LinkSubscribeWithOptions(events, done, netlink.LinkSubscribeOptions{Namespace: &at}); err != nil {
		return err
	}
	for {
		if done, err := ready(); done || err != nil {
			return gone(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-events:
		}
	}
}

// forwards says whether there is nothing to wait for: the port forwards, or it
// cannot, because it or its bridge is down or nothing is plugged in.
func (m Master) forwards(k *Kernel) (ready bool, err error) {
	err = k.In(m.NS, func(h *netlink.Handle) error {
		port, err := h.LinkByName(m.Dev)
		if err != nil {
			return err
		}
		bridge, err := h.LinkByName(m.Bridge)
		if err != nil {
			return err
		}
		live := uint32(unix.IFF_UP | unix.IFF_LOWER_UP)
		if bridge.Attrs().Flags&net.FlagUp == 0 || port.Attrs().RawFlags&live != live {
			ready = true
			return nil
		}
		state, err := portState(port.Attrs().Index)
		ready = state == forwarding
		return err
	})
	return ready, err
}

// portState is IFLA_BRPORT_STATE, which the library does not read.
func portState(index int) (byte, error) {
	v, err := linkAttribute(index, unix.IFLA_LINKINFO, nl.IFLA_INFO_SLAVE_DATA, nl.IFLA_BRPORT_STATE)
	if err != nil || len(v) == 0 {
		return forwarding, err // not a port any more
	}
	return v[0], nil
}

// linkAttribute reads an attribute of an interface, nested along the path.
func linkAttribute(index int, path ...uint16) ([]byte, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	replies, err := req.Execute(unix.NETLINK_ROUTE, 0)
	if err != nil || len(replies) == 0 {
		return nil, err
	}
	attrs := replies[0][unix.SizeofIfInfomsg:]
	for _, want := range path {
		all, err := nl.ParseRouteAttr(attrs)
		if err != nil {
			return nil, err
		}
		attrs = nil
		for _, a := range all {
			if a.Attr.Type&^unix.NLA_F_NESTED == want {
				attrs = a.Value
			}
		}
	}
	return attrs, nil
}
