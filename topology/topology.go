// Package topology reads a lab file and says what it means: which objects
// exist after every step and what is asked of them. It is pure: it takes
// bytes, it never looks at the machine.
package topology

import (
	"fmt"
	"net/netip"
	"strings"
)

// Host is the reserved name of the lab's host: the machine of the lecture,
// where bridges live and where `ip netns` is typed.
const Host = "host"

// Kinds of host a lab can be built on (the key `host` of a file).
const (
	Sandbox = "sandbox" // a private host, no root needed
	Machine = "machine" // this machine's own network stack
)

// Pos is where something was written. The zero value is "nowhere".
type Pos struct {
	File      string
	Line, Col int // from 1; columns count characters
}

func (p Pos) String() string {
	if p.Line == 0 {
		return Printable(p.File)
	}
	return fmt.Sprintf("%s:%d:%d", Printable(p.File), p.Line, p.Col)
}

// Error is one mistake of a file. Path is the place in the document
// ("namespaces.red.routes[0].via"), empty when the message says enough.
type Error struct {
	Pos  Pos
	Path string
	Msg  string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Pos.String() + ": " + Printable(e.Msg)
	}
	return e.Pos.String() + ": " + Printable(e.Path+": "+e.Msg)
}

// Warning is Error for one of Topology.Warnings.
func (e *Error) Warning() string {
	return e.Pos.String() + ": warning: " + strings.TrimPrefix(e.Error(), e.Pos.String()+": ")
}

// Word is a scalar that remembers where it was written.
type Word struct {
	Text string
	Pos  Pos
}

func (w Word) String() string { return w.Text }

// Text is a text in several languages, keyed by language ("en", "ko").
type Text map[string]string

// In returns the text in lang, else in English, else "".
func (t Text) In(lang string) string {
	if s, ok := t[lang]; ok {
		return s
	}
	return t["en"]
}

// Topology is a checked lab file.
type Topology struct {
	Name           Word // of the lab; the file's base name when not given
	Title, Explain Text
	Host           Word // Sandbox or Machine
	Steps          []Step
	Warnings       []*Error // what is legal and surely not meant; none when there are mistakes
}

// Step is one move of the lecture. State is everything that exists once the
// step is done, so that a step is the difference to the one before it.
type Step struct {
	Name           Word
	Title, Explain Text
	Outside        bool // the step that builds what stands around the host
	State          State
	Verify         []Check
}

// Index returns the position of the step called name, or -1.
func (t *Topology) Index(name string) int {
	for i, s := range t.Steps {
		if s.Name.Text == name {
			return i
		}
	}
	return -1
}

// State is what exists at one moment, in the order of the file.
type State struct {
	Namespaces []Namespace // "host" is among them when the file says something of it
	Bridges    []Bridge
	Links      []Link
	NAT        []NAT
	Filter     []Filter
	Networks   []Network // of CNI

	at map[string]int // where in Namespaces a name is first; nil in a state by hand
}

// Namespace is a network namespace and what lives in it.
type Namespace struct {
	Name       Word
	Outside    bool      // stands around the host; not built on a real machine
	Network    Word      // "none", "host" or "container:NAME", see Home; empty when not given
	Lo         bool      // lo is up
	LoAddress  []Address // further addresses of lo
	Forward    bool      // net.ipv4.ip_forward, and IPv6 when the lab has IPv6
	ForwardAt  Pos
	Sysctls    []Sysctl
	Routes     []Route // `gateway: A` is the route {to: default, via: A}
	Neighbours []Neighbour
	FDB        []FDB
	Hosts      []HostEntry
	OwnHosts   bool       // it has a hosts file, if only with the usual lines
	Hostname   Word       // its own name, the last in its hosts file; empty when not given
	Aliases    []Word     // what it is called besides on its networks
	Linked     []NameLink // the `link` of the file
	Resolv     Resolv
	Services   []Service
	Ports      []Port
	CNI        []Attachment // interfaces that plugins of CNI make

	autoGateway Pos // where `gateway: auto` stands, until it has become routes
}

// Neighbour is a MAC address that a namespace knows without asking.
type Neighbour struct {
	Address netip.Addr
	MAC     Word
	Dev     Word
	Pos     Pos
}

// FDB says to which other end a vxlan sends the frames for a MAC address.
type FDB struct {
	MAC Word
	Dev Word
	Dst netip.Addr
	Pos Pos
}

// Sysctl is a kernel setting of a namespace, as sysctl(8) spells it.
type Sysctl struct{ Key, Value Word }

// HostEntry is a line of /etc/hosts.
type HostEntry struct {
	Name    Word
	Address netip.Addr
}

// NameLink lets a namespace know another one by name, as `docker run --link
// To:Alias` does: a line of its hosts file that follows the address of To.
type NameLink struct {
	To    Word
	Alias Word // the name of To when the file gives none
}

// Resolv is the resolv.conf(5) of a namespace. The zero value is none.
type Resolv struct {
	Nameservers []netip.Addr
	Search      []Word
	Options     []Word
	Pos         Pos
}

// Address is an address of an interface with its prefix length.
type Address struct {
	Prefix netip.Prefix // host bits kept: 192.168.15.1/24
	Pos    Pos
}

// Route is a route of a namespace, in the words of ip-route(8).
type Route struct {
	To     netip.Prefix // 0.0.0.0/0 or ::/0 for `default`
	Via    netip.Addr   // invalid when absent
	Dev    Word         // empty when absent
	Metric int          // 0 when absent
	Pos    Pos
}

// Service is something that answers inside a namespace. Kind is the key that
// named it (http, dns, dhcp, tcp-echo, udp-echo, command), Args what stood there.
type Service struct {
	Kind Word
	Args Value // the whole mapping, the key Kind included
}

// Link is a cable, or whatever else makes interfaces. Kind is veth when not
// given; everything that is not understood here is left in Options for the kind.
type Link struct {
	Kind    Word
	Ends    []End
	Parent  *End // only of kinds that sit on another interface; its interface may be left open
	Options Value
	Outside bool
	Pos     Pos
}

// End is one end of a link.
type End struct {
	Node      Word // a namespace, a bridge, or Host
	Interface Word
	Addresses []Address
	Auto      Pos // where `auto` stands: the address is handed out when the link appears
	MAC       Word
	MTU       int
	Hairpin   bool // a port that sends frames back to where they came from
	Pos       Pos

	handed bool // what `auto` asked for
	bends  bool // `hairpin` is written
}

func (e End) String() string { return e.Node.Text + ":" + e.Interface.Text }

// Check is one item of verify: a probe and what it must show.
type Check struct {
	Pos         Pos
	Kind        Word  // ping, tcp, udp, http, resolve, route, address, neighbour, link, namespace, listen, packet, process, command
	Args        Value // what stood under the kind
	Expect      Value // what stood under expect; Absent when nothing did
	Title, Hint Text
	Within      Word // a duration ("2s"); empty when not given
}
