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
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
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
		return e.Pos.String() + ": " + e.Msg
	}
	return e.Pos.String() + ": " + e.Path + ": " + e.Msg
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
}

// Namespace is a network namespace and what lives in it.
type Namespace struct {
	Name      Word
	Outside   bool      // stands around the host; not built on a real machine
	Lo        bool      // lo is up
	LoAddress []Address // further addresses of lo
	Forward   bool      // net.ipv4.ip_forward, and IPv6 when the lab has IPv6
	ForwardAt Pos
	Sysctls   []Sysctl
	Routes    []Route // `gateway: A` is the route {to: default, via: A}
	Hosts     []HostEntry
	Services  []Service
}

// Sysctl is a kernel setting of a namespace, as sysctl(8) spells it.
type Sysctl struct{ Key, Value Word }

// HostEntry is a line of /etc/hosts.
type HostEntry struct {
	Name    Word
	Address netip.Addr
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
// named it (http, tcp-echo, udp-echo, command), Value what stood there.
type Service struct {
	Kind Word
	Args Value // the whole mapping, the key Kind included
}

// Bridge is a switch.
type Bridge struct {
	Name      Word
	In        Word // namespace it lives in; Host when not given
	Outside   bool
	Addresses []Address
	MAC       Word // empty when not given
	MTU       int  // 0 when not given
	STP       bool
}

// Link is a cable, or whatever else makes interfaces. Kind is veth when not
// given; everything that is not understood here is left in Options for the kind.
type Link struct {
	Kind    Word
	Ends    []End
	Parent  *End // only of kinds that sit on another interface
	Options Value
	Outside bool
	Pos     Pos
}

// End is one end of a link.
type End struct {
	Node      Word // a namespace, a bridge, or Host
	Interface Word
	Addresses []Address
	MAC       Word
	MTU       int
	Pos       Pos
}

func (e End) String() string { return e.Node.Text + ":" + e.Interface.Text }

// NAT is an address translation rule. Kind is masquerade, snat or dnat.
type NAT struct {
	Kind    Word
	In      Word           // namespace; Host when not given
	From    netip.Prefix   // masquerade, snat: the source
	To      netip.AddrPort // snat: the new source (port 0); dnat: the new destination (port 0: unchanged)
	Proto   string         // dnat: tcp or udp
	Port    uint16         // dnat: the port asked for
	Dest    netip.Addr     // dnat: only when asked for at this address (`address`); invalid: any
	InDev   string         // `in-dev`: iptables -i, may begin with "!"
	OutDev  string         // `out-dev`: iptables -o, may begin with "!"
	Outside bool
	Pos     Pos
}

// Check is one item of verify: a probe and what it must show.
type Check struct {
	Pos         Pos
	Kind        Word  // ping, tcp, udp, http, resolve, route, address, neighbour, command
	Args        Value // what stood under the kind
	Expect      Value // what stood under expect; Absent when nothing did
	Title, Hint Text
	Within      Word // a duration ("2s"); empty when not given
}

// ValueKind says what a Value is.
type ValueKind int

// Kinds of value.
const (
	Absent ValueKind = iota
	Scalar
	List
	Map
)

// Value is a piece of the file that its reader (a link kind, a probe, a
// service) will interpret. The zero value is Absent.
type Value struct {
	Kind  ValueKind
	Text  string // of a Scalar
	Pos   Pos
	Items []Value // of a List
	Keys  []Word  // of a Map, in file order; Items holds the values
}

// Get returns the value under key of a Map; Absent when there is none.
func (v Value) Get(key string) Value {
	for i, k := range v.Keys {
		if k.Text == key {
			return v.Items[i]
		}
	}
	return Value{}
}

// Namespace returns the namespace called name. The host may be there twice,
// as the world outside describes it and as the lab does: it is returned as the
// one that it is, and a name or a setting that both give is the lab's.
func (s *State) Namespace(name string) (*Namespace, bool) {
	var found *Namespace
	for i := range s.Namespaces {
		n := &s.Namespaces[i]
		switch {
		case n.Name.Text != name:
		case found == nil:
			found = n
		default:
			both := *found
			both.add(n)
			both.Outside = found.Outside && n.Outside
			found = &both
		}
	}
	return found, found != nil
}

// Bridge returns the bridge called name.
func (s *State) Bridge(name string) (*Bridge, bool) {
	for i := range s.Bridges {
		if s.Bridges[i].Name.Text == name {
			return &s.Bridges[i], true
		}
	}
	return nil, false
}

// Place says where the end of a link lives: in which namespace, and as a port
// of which bridge ("" when of none).
func (s *State) Place(e End) (ns, master string) {
	if b, ok := s.Bridge(e.Node.Text); ok {
		return b.In.Text, b.Name.Text
	}
	return e.Node.Text, ""
}

// AddressesOf returns the addresses of the interfaces of a node (a namespace,
// the host, or a bridge) in file order, lo excluded.
func (s *State) AddressesOf(node string) []netip.Prefix {
	var out []netip.Prefix
	add := func(as []Address) {
		for _, a := range as {
			out = append(out, a.Prefix)
		}
	}
	for i := range s.Bridges {
		b := &s.Bridges[i]
		if b.Name.Text == node || b.In.Text == node {
			add(b.Addresses)
		}
	}
	for i := range s.Links {
		for _, e := range s.Links[i].Ends {
			if e.Node.Text == node {
				add(e.Addresses)
			}
		}
	}
	return out
}

// Resolve turns what a probe names as its target into an address: an address
// as it is, a node into the address that `from` shares a network with, else
// into its first. It fails for a name that is no node or has no address.
func (s *State) Resolve(from, to string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(to); err == nil {
		return a, nil
	}
	theirs := s.AddressesOf(to)
	for _, mine := range s.AddressesOf(from) {
		for _, t := range theirs {
			if mine.Masked() == t.Masked() {
				return t.Addr(), nil
			}
		}
	}
	if len(theirs) > 0 {
		return theirs[0].Addr(), nil
	}
	if ns, ok := s.Namespace(to); ok && len(ns.LoAddress) > 0 {
		return ns.LoAddress[0].Prefix.Addr(), nil
	}
	if !s.HasNode(to) {
		return netip.Addr{}, fmt.Errorf("%q is neither an address nor a node of this lab", to)
	}
	return netip.Addr{}, fmt.Errorf("%s has no address at this step", to)
}

// HasNode says whether name is a namespace, a bridge or the host.
func (s *State) HasNode(name string) bool {
	if name == Host {
		return true
	}
	if _, ok := s.Namespace(name); ok {
		return true
	}
	_, ok := s.Bridge(name)
	return ok
}

// HasIPv6 says whether any step has an IPv6 address.
func (t *Topology) HasIPv6() bool {
	for i := range t.Steps {
		if t.Steps[i].State.HasIPv6() {
			return true
		}
	}
	return false
}

// HasIPv6 says whether any object of the state carries an IPv6 address.
func (s *State) HasIPv6() bool {
	for i := range s.Bridges {
		if anyIPv6(s.Bridges[i].Addresses) {
			return true
		}
	}
	for i := range s.Links {
		for _, e := range s.Links[i].Ends {
			if anyIPv6(e.Addresses) {
				return true
			}
		}
	}
	return false
}

func anyIPv6(as []Address) bool {
	for _, a := range as {
		if a.Prefix.Addr().Is6() {
			return true
		}
	}
	return false
}

// Quote shows a foreign or user-written string on a terminal: printable text
// as it is, everything else escaped.
func Quote(s string) string {
	q := fmt.Sprintf("%q", s)
	if inner := q[1 : len(q)-1]; inner == s && !strings.ContainsAny(s, " ") {
		return s
	}
	return q
}
