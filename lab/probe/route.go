package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/lab/op"
	"nslab/topology"
)

// route asks the kernel which way it would send a packet, ip-route(8) "get".
type route struct {
	in string
	to target
}

func readRoute(r *reader) []Probe {
	in := r.place("in")
	to := r.Required("to", "8.8.8.8")
	return []Probe{route{in, r.resolve(in, to.Pos, to.Text)}}
}

func (p route) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

func (p route) ask(_ context.Context, r *rig, _ patience) Answer { return r.look(p.in, p.get) }

func (p route) get(h *netlink.Handle) (Answer, error) {
	routes, err := h.RouteGet(p.to.addr.AsSlice())
	if noRoute(err) || err == nil && len(routes) == 0 {
		text := fmt.Sprintf("%s has no route to %s", p.in, p.to.addr)
		if err != nil {
			text = sentence(err) + ": " + text
		}
		return Answer{Outcome: Absent, Text: text}, nil
	}
	if err != nil {
		return Answer{}, err
	}
	link, err := h.LinkByIndex(routes[0].LinkIndex)
	if err != nil {
		return Answer{}, err
	}
	return p.found(routes[0], link.Attrs().Name), nil
}

// noRoute says that an error is the kernel's answer.
func noRoute(err error) bool {
	for _, no := range []error{unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EACCES, unix.EINVAL} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

func (p route) found(r netlink.Route, dev string) Answer {
	a := Answer{Outcome: Present, Text: p.to.addr.String(), Data: map[string]string{"dev": dev}}
	if via, ok := netip.AddrFromSlice(r.Gw); ok {
		a.Data["via"] = via.Unmap().String()
		a.Text += " via " + a.Data["via"]
	}
	a.Text += " dev " + topology.Quote(dev)
	if src, ok := netip.AddrFromSlice(r.Src); ok {
		a.Data["src"] = src.Unmap().String()
		a.Text += " src " + a.Data["src"]
	}
	return a
}

func (p route) Command() op.Command { return iproute(p.in, "route", "get", p.to.addr.String()) }

func (p route) String() string { return p.in + " has a route to " + p.to.String() }

func (p route) Nodes() []string { return p.to.nodes(p.in) }

// iproute is ip(8) as typed on the lab's host for a namespace.
func iproute(ns string, words ...string) op.Command {
	if ns == topology.Host {
		return append(op.Command{"ip"}, words...)
	}
	return append(op.Command{"ip", "-n", ns}, words...)
}
