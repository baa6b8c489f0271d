// Package discover reads what a running machine has: its network namespaces,
// the cables between them, addresses, routes and rules, by whomever they were
// made. It changes nothing. [Read] asks the kernel and, for the names of
// containers, Docker and podman; everything else here is pure and tells what
// was read: as a lab file, or as a picture.
package discover

import (
	"net/netip"
	"slices"

	"nslab/topology"
)

// Machine is what was found.
type Machine struct {
	Namespaces []*Namespace `json:"namespaces"` // the one that the program runs in is first
	Unseen     []string     `json:"unseen"`     // what could not be looked at, and why
}

// Namespace is a network namespace.
type Namespace struct {
	Name       string            `json:"name"` // valid in a lab file, and no other node's
	Inode      uint64            `json:"inode"`
	Paths      []string          `json:"paths,omitempty"` // where it is mounted, such as /run/netns/red
	Container  *Container        `json:"container,omitempty"`
	Processes  []Process         `json:"processes,omitempty"` // by pid
	Shared     []Room            `json:"shared,omitempty"`    // others who have the same network
	Files      Files             `json:"files,omitzero"`
	Forwarding bool              `json:"forwarding"`         // net.ipv4.ip_forward
	Forward6   bool              `json:"forwarding-ipv6"`    // net.ipv6.conf.all.forwarding
	Settings   map[string]string `json:"settings,omitempty"` // sysctls that are not as in a new namespace
	Interfaces []*Interface      `json:"interfaces,omitempty"`
	Routes     []Route           `json:"routes,omitempty"`     // not those that the kernel makes by itself
	Neighbours []Neighbour       `json:"neighbours,omitempty"` // those that are not learnt
	FDB        []FDB             `json:"fdb,omitempty"`
	NAT        []Rule            `json:"nat,omitempty"`    // of all tables and chains
	Chains     []Chain           `json:"chains,omitempty"` // of iptables
	Proxies    []Proxy           `json:"proxies,omitempty"`
	Foreign    []string          `json:"foreign,omitempty"` // chains of other tables that are not read
	Filters    []string          `json:"filters,omitempty"` // the hooks where packets may be dropped: input, forward ...
	Unseen     []string          `json:"unseen,omitempty"`

	ids  map[int]*Namespace // the numbers that this namespace has for others (ip netns list-id)
	ways []string           // paths by which it may be opened

	own    bool         // the one that the program runs in
	others []*Container // who shares it with Container
}

// Process is one that lives in a namespace.
type Process struct {
	Pid  int    `json:"pid"`
	Comm string `json:"comm"` // proc_pid_comm(5)
}

// Container is what Docker or podman say of a namespace.
type Container struct {
	Runtime string   `json:"runtime"` // docker or podman
	Name    string   `json:"name"`
	ID      string   `json:"id"`
	Ports   []string `json:"ports,omitempty"` // published: "0.0.0.0:8080->80/tcp"

	pid     int
	sandbox string // the path of its namespace
	guest   bool   // it has the network of another one
}

// End is an interface somewhere else; a vxlan may have a namespace alone.
type End struct {
	Namespace string `json:"namespace"`
	Interface string `json:"interface,omitempty"`
}

// Interface is one of a namespace, lo included.
type Interface struct {
	Index     int            `json:"index"`
	Name      string         `json:"name"`
	Kind      string         `json:"kind"` // as ip -d link says: veth, bridge ...; "device" for hardware, "openvswitch" for one of its bridges
	Up        bool           `json:"up"`
	MTU       int            `json:"mtu"`
	MAC       string         `json:"mac,omitempty"`
	Master    string         `json:"master,omitempty"`
	Addresses []netip.Prefix `json:"addresses,omitempty"` // without what the kernel gives itself
	Peer      *End           `json:"peer,omitempty"`      // the other end of a cable
	Parent    *End           `json:"parent,omitempty"`    // what it sits on
	Mode      string         `json:"mode,omitempty"`      // of a macvlan
	VLAN      int            `json:"vlan,omitempty"`
	VXLAN     *VXLAN         `json:"vxlan,omitempty"`
	STP       bool           `json:"stp,omitempty"`
	Hairpin   bool           `json:"hairpin,omitempty"` // of a port of a bridge
	Tag       string         `json:"tag,omitempty"`     // of a port of Open vSwitch: its VLAN

	link  int // IFLA_LINK: index of the peer or the parent
	where int // IFLA_LINK_NETNSID, -1 in the same namespace
	over  int // index of the master

	datapath bool // Open vSwitch has it for itself
}

// VXLAN is what a vxlan sends where, ip-link(8).
type VXLAN struct {
	ID       int        `json:"id"`
	Local    netip.Addr `json:"local,omitzero"`
	Remote   netip.Addr `json:"remote,omitzero"`
	Port     int        `json:"port"`
	Learning bool       `json:"learning"`
	Proxy    bool       `json:"proxy"`
}

// Route is one of the main table.
type Route struct {
	To     netip.Prefix `json:"to"` // 0.0.0.0/0 or ::/0 for the default route
	Via    netip.Addr   `json:"via,omitzero"`
	Dev    string       `json:"dev,omitempty"`
	Metric int          `json:"metric,omitempty"` // 0 for the default of the family
	Kind   string       `json:"kind,omitempty"`   // "" for an ordinary one, else blackhole, multipath ...
}

// String is the route in the words of ip-route(8).
func (r Route) String() string {
	s := r.destination()
	if r.Kind != "" {
		s = r.Kind + " " + s
	}
	if r.Via.IsValid() {
		s += " via " + r.Via.String()
	}
	if r.Dev != "" {
		s += " dev " + topology.Quote(r.Dev)
	}
	return s
}

func (r Route) destination() string {
	if r.To.Bits() == 0 {
		return "default"
	}
	return r.To.String()
}

// Interface returns the interface called name, nil when there is none.
func (n *Namespace) Interface(name string) *Interface {
	return n.find(func(i *Interface) bool { return i.Name == name })
}

func (n *Namespace) byIndex(index int) *Interface {
	return n.find(func(i *Interface) bool { return i.Index == index })
}

func (n *Namespace) find(f func(*Interface) bool) *Interface {
	if i := slices.IndexFunc(n.Interfaces, f); i >= 0 {
		return n.Interfaces[i]
	}
	return nil
}

// has says whether an interface of the namespace has the address.
func (n *Namespace) has(a netip.Addr) bool {
	return nil != n.find(func(i *Interface) bool {
		return slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Addr() == a })
	})
}

// Namespace returns the namespace called name, nil when there is none.
func (m *Machine) Namespace(name string) *Namespace {
	if i := slices.IndexFunc(m.Namespaces, func(n *Namespace) bool { return n.Name == name }); i >= 0 {
		return m.Namespaces[i]
	}
	return nil
}
