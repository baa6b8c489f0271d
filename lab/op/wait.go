package op

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"time"

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

// live is an interface that is switched on and has a carrier.
const live = unix.IFF_UP | unix.IFF_LOWER_UP

// Wait returns when the interface carries packets. The kernel takes note of a
// carrier a moment after it is there, and drops what is sent before that; an
// ARP question that is lost so is asked again only a second later.
func (u Up) Wait(ctx context.Context, k *Kernel) error {
	if u.Dev == "lo" { // nothing is plugged in there
		return nil
	}
	return k.await(ctx, u.NS, ofLinks(u.devs()...), func() (bool, error) { return u.operational(k) })
}

// operational says whether there is nothing to wait for: the interface works,
// or it cannot, because nothing is plugged in. A state that is not known is all
// that some kinds have, and what others begin with. See operstates in the
// kernel's documentation.
func (u Up) operational(k *Kernel) (bool, error) {
	l, err := k.one(u.NS, u.Dev)
	return l.flags&live != live || l.state == operUp || l.state == operUnknown && l.kind != "veth", err
}

// IF_OPER_* of linux/if.h.
const (
	operUnknown = 0
	operUp      = 6
)

// Wait returns when the bridge carries packets, which it does from its first
// live port on.
func (b Bridge) Wait(ctx context.Context, k *Kernel) error {
	return k.await(ctx, b.NS, ofLinks(b.devs()...), func() (bool, error) { return b.operational(k) })
}

func (b Bridge) operational(k *Kernel) (bool, error) {
	v, err := k.view(b.NS)
	if err != nil {
		return false, err
	}
	l := v.named(b.Name)
	if l == nil || l.flags&live != live || l.state == operUp {
		return true, nil
	}
	return !slices.ContainsFunc(v.links, func(p link) bool { return p.master == l.index && p.flags&live == live }), nil
}

// Wait returns when the port forwards. The kernel gets there a moment after
// the carrier does; with spanning tree, after twice the forward delay.
func (m Master) Wait(ctx context.Context, k *Kernel) error {
	return k.await(ctx, m.NS, ofLinks(m.devs()...), func() (bool, error) { return m.forwards(k) })
}

// forwards says whether there is nothing to wait for: the port forwards, or it
// cannot, because it or its bridge is down or nothing is plugged in.
func (m Master) forwards(k *Kernel) (bool, error) {
	bridge, err := k.link(m.NS, m.Bridge)
	if err != nil {
		return false, err
	}
	port, err := k.link(m.NS, m.Dev)
	return bridge.flags&unix.IFF_UP == 0 || port.flags&live != live || port.port == forwarding, err
}

// Wait returns when Open vSwitch has seen the carrier: it drops what is to go out
// of a port that it takes for unplugged.
func (p OVSPort) Wait(ctx context.Context, k *Kernel) error {
	if port, err := k.link(p.NS, p.Dev); err != nil || port.flags&live != live {
		return gone(err)
	}
	return p.ovs().await(ctx, k, "wait-until", "interface", p.Dev, "link_state=up")
}

// about says whether a message of the kernel, of a kind (RTM_NEWLINK, ...), is
// one to look up at.
type about func(kind uint16, body []byte) bool

// ofLinks are the messages of some interfaces.
func ofLinks(devs ...string) about {
	return func(kind uint16, body []byte) bool {
		link := kind == unix.RTM_NEWLINK || kind == unix.RTM_DELLINK
		return link && len(body) >= unix.SizeofIfInfomsg && slices.Contains(devs, readLink(body).name)
	}
}

// await returns when ready says so, asking again whenever the kernel has news.
// What does not exist (any more) is not waited for.
func (k *Kernel) await(ctx context.Context, ns string, news about, ready func() (bool, error)) error {
	if done, err := ready(); done || err != nil {
		return gone(err)
	}
	f, err := k.listen(ns)
	if err != nil {
		return gone(err)
	}
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Now()) }) // fails when it is closed
	defer stop()
	for {
		k.forget()
		if done, err := ready(); done || err != nil {
			return gone(err)
		}
		if err := k.hear(f, news); err != nil {
			return cmp.Or(ctx.Err(), err)
		}
	}
}

// listen opens a socket that is told of every change to an interface or to an
// IPv6 route of ns.
func (k *Kernel) listen(ns string) (f *os.File, err error) {
	err = k.enter(ns, func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		f = os.NewFile(uintptr(fd), "rtnetlink")
		return os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV6_ROUTE}))
	})
	return f, err
}

// hear returns when there is news, or may have been: the kernel drops what it
// finds no room for.
func (k *Kernel) hear(f *os.File, news about) error {
	for buf := k.scratch(); ; {
		n, err := f.Read(buf)
		if errors.Is(err, unix.ENOBUFS) {
			return nil
		}
		if err != nil {
			return err
		}
		heard := false
		err = eachMessage(buf[:n], func(h unix.NlMsghdr, body []byte) { heard = heard || news(h.Type, body) })
		if heard || err != nil {
			return err
		}
	}
}
