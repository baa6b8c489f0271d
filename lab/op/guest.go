package op

import (
	"bytes"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"nslab/lab/netns"
	"nslab/topology"
)

// A guest is what nslab has made for a container runtime, which alone knows
// when it is to go: see lab/cni. It carries the marks of a lab whose name has a
// slash, which no lab of a file has, and `nslab gc` leaves it alone.

// guest says whether the owner of a mark is a guest.
func guest(lab string) bool { return strings.Contains(lab, "/") }

// guests says whether a device group may be that of a guest.
func guests(g uint32) bool { return g>>29 == 1 }

// IsGuest says whether nslab has made an interface for a guest.
func IsGuest(l netlink.Link) bool {
	return guests(l.Attrs().Group) && bytes.HasPrefix(l.Attrs().HardwareAddr, oui[:])
}

// GuestTraces lists the rules and interfaces on this host that guests have. The
// Lab of an interface is unknown: see Trace.Of.
func GuestTraces() ([]Trace, error) {
	rules, err := ruleTraces()
	if err != nil {
		return nil, err
	}
	rules = slices.DeleteFunc(rules, func(t Trace) bool { return !guest(t.Lab) })
	links, err := tracesOf(guests)
	return slices.Concat(rules, links), err
}

// Of says whether the trace is of the owner k: a rule by its mark, an interface
// of the host by the group and the address that follow from its name.
func (t Trace) Of(k *Kernel) bool {
	if t.Kind != TraceLink {
		return t.Lab == k.Lab
	}
	return t.Group == k.Group() && bytes.Equal(t.address, k.MAC(topology.Host, t.Name))
}

// openPlace opens a place other than the host: a room by its name or, when it
// begins with a slash, whatever namespace the file stands for.
func (k *Kernel) openPlace(ns string) (*netns.NS, error) {
	switch {
	case strings.HasPrefix(ns, "/"):
		return netns.OpenPath(ns)
	case k.session != nil:
		return k.session.thread.Open(ns)
	}
	return netns.Open(ns)
}
