package op

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"nslab/lab/netns"
	"nslab/topology"
)

// Trace is an object of the kernel, on this host, that carries a mark of
// nslab: it is known by the mark, whatever it is called.
type Trace struct {
	Kind  TraceKind
	Name  string
	Mark  string // by which it is known
	Lab   string // whose it is; "" when the mark does not tell
	Group uint32 // of an interface: which lab it is, for who knows its name

	address net.HardwareAddr // of an interface
	remove  func() error
}

// TraceKind says what a trace is.
type TraceKind string

// Kinds of traces, in the order in which they are best removed.
const (
	TraceService   TraceKind = "service"
	TraceRule      TraceKind = "rule"
	TraceChain     TraceKind = "chain"
	TraceLink      TraceKind = "interface"
	TraceNamespace TraceKind = "namespace"
)

// Remove removes the object, if it still carries the mark.
func (t Trace) Remove() error { return gone(t.remove()) }

// Traces lists every object on this host that carries the mark of a lab. dir is
// where the labs are kept: a service that one of them has written down is no
// trace, it is known better.
func Traces(dir string) ([]Trace, error) {
	var out []Trace
	for _, list := range []func() ([]Trace, error){
		func() ([]Trace, error) { return serviceTraces(dir) }, ruleTraces, linkTraces, namespaceTraces,
	} {
		found, err := list()
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return slices.DeleteFunc(out, func(t Trace) bool { return guest(t.Lab) }), nil
}

// marks are the texts of Kernel.Mark. Anybody may write anything there.
var marks = topology.Pattern(`^nslab:([a-zA-Z0-9][a-zA-Z0-9._/~-]*):(\S+)$`)

// readMark reads a mark.
func readMark(mark string) (lab, object string, ok bool) {
	m := marks().FindStringSubmatch(mark)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// groups says whether a device group may be one of Kernel.Group.
func groups(g uint32) bool { return g>>30 == 1 }

func linkTraces() ([]Trace, error) { return tracesOf(groups) }

// tracesOf are the interfaces on this host that nslab has made in one of the groups.
func tracesOf(groups func(uint32) bool) ([]Trace, error) {
	links, err := LinkList(&netlink.Handle{})
	if err != nil {
		return nil, err
	}
	var out []Trace
	for _, l := range links {
		a := l.Attrs()
		if !groups(a.Group) || !strings.HasPrefix(string(a.HardwareAddr), string(oui[:])) {
			continue
		}
		out = append(out, Trace{
			Kind: TraceLink, Name: a.Name, Group: a.Group, address: a.HardwareAddr, Mark: fmt.Sprintf("%s, group %d", a.HardwareAddr, a.Group),
			remove: func() error { return delMarked(a.Index, a.HardwareAddr, a.Group) },
		})
	}
	return out, nil
}

// delMarked removes the interface that has the index, if it is still the one.
func delMarked(index int, mac net.HardwareAddr, group uint32) error {
	h := &netlink.Handle{}
	l, err := h.LinkByIndex(index)
	if err != nil {
		return err
	}
	if l.Attrs().Group != group || l.Attrs().HardwareAddr.String() != mac.String() {
		return nil
	}
	return h.LinkDel(l)
}

func namespaceTraces() ([]Trace, error) {
	names, err := netns.List()
	if err != nil {
		return nil, err
	}
	var out []Trace
	for _, name := range names {
		mark, err := loAlias(name)
		lab, object, ok := readMark(mark)
		if err != nil || !ok || object != "netns" { // one that we may not enter is not ours
			continue
		}
		out = append(out, Trace{
			Kind: TraceNamespace, Name: name, Lab: lab, Mark: mark,
			remove: func() error { return Namespace{name}.Undo(&Kernel{Lab: lab}) },
		})
	}
	return out, nil
}

func loAlias(ns string) (alias string, err error) {
	err = (&Kernel{}).In(ns, func(h *netlink.Handle) error {
		lo, err := h.LinkByName("lo")
		if err == nil {
			alias = lo.Attrs().Alias
		}
		return err
	})
	return alias, err
}

// String is the object in words; the name may be anybody's.
func (t Trace) String() string {
	return fmt.Sprintf("%s %s (%s)", t.Kind, topology.Quote(t.Name), topology.Quote(t.Mark))
}
