package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/vishvananda/netlink"

	"nslab/lab/op"
)

// link asks what an interface is like, in the words of `ip -d link`.
type link struct{ in, on string }

func readLink(r *reader) []Probe {
	return []Probe{link{r.place("in"), r.Required("on", "eth0").Text}}
}

func (p link) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

func (p link) ask(_ context.Context, r *rig, _ patience) Answer { return r.look(p.in, p.look) }

func (p link) look(h *netlink.Handle) (Answer, error) {
	l, err := h.LinkByName(p.on)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return Answer{Outcome: Absent, Text: fmt.Sprintf("%s has no interface %s", p.in, p.on)}, nil
	}
	if err != nil {
		return Answer{}, err
	}
	data, err := describe(h, l)
	if err != nil {
		return Answer{}, err
	}
	words := []string{p.on + " in " + p.in + ": " + data["kind"]}
	for _, key := range []string{"state", "mac", "mtu", "peer", "master", "mode", "id", "promiscuity"} {
		if data[key] != "" {
			words = append(words, key+" "+data[key])
		}
	}
	return Answer{Outcome: Present, Text: strings.Join(words, ", "), Data: data}, nil
}

// describe is what an expectation may compare. Promiscuity counts who wants the
// interface to hear frames for others, IFLA_PROMISCUITY; `ip link` shows the
// flag PROMISC only for who asked for it by hand.
func describe(h *netlink.Handle, l netlink.Link) (map[string]string, error) {
	a := l.Attrs()
	data := map[string]string{
		"kind": l.Type(), "mtu": fmt.Sprint(a.MTU), "mac": a.HardwareAddr.String(), "promiscuity": fmt.Sprint(a.Promisc), "state": "down",
	}
	if a.Flags&net.FlagUp != 0 {
		data["state"] = "up"
	}
	switch l := l.(type) {
	case *netlink.Macvlan:
		data["mode"] = macvlanModes[l.Mode]
	case *netlink.Vxlan:
		data["id"] = fmt.Sprint(l.VxlanId)
	case *netlink.Veth:
		peer, err := peerName(h, l)
		if err != nil {
			return nil, err
		}
		data["peer"] = peer
	}
	if a.MasterIndex == 0 {
		return data, nil
	}
	master, err := h.LinkByIndex(a.MasterIndex)
	if err == nil {
		data["master"] = master.Attrs().Name
	}
	return data, err
}

// linkFields are the keys of an expectation.
var linkFields = []field{
	{"kind", anyText},
	{"state", anyText},
	{"mac", macAddress},
	{"mtu", upTo(maxPort)},
	{"peer", anyText},
	{"master", anyText},
	{"mode", anyText},
	{"id", upTo(maxVNI)},
	{"promiscuity", upTo(maxPort)},
}

var macvlanModes = map[netlink.MacvlanMode]string{
	netlink.MACVLAN_MODE_BRIDGE: "bridge", netlink.MACVLAN_MODE_PASSTHRU: "passthru",
	netlink.MACVLAN_MODE_PRIVATE: "private", netlink.MACVLAN_MODE_VEPA: "vepa",
}

func macAddress(s string) (string, error) {
	mac, err := net.ParseMAC(s)
	if err != nil {
		return "", fmt.Errorf("want a MAC address such as 02:42:ac:11:00:02, found %q", s)
	}
	return mac.String(), nil
}

func (p link) Command() op.Command { return iproute(p.in, "-d", "link", "show", "dev", p.on) }

func (p link) String() string { return p.in + " has an interface " + p.on }

func (p link) Nodes() []string { return []string{p.in} }
