package op

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// view is what a namespace looks like: everything in it, read at once.
type view struct {
	links  []link
	byName map[string]int         // their places in links; they may have several
	addrs  map[int][]netip.Prefix // by the index of the interface; nil when not read
	routes map[int]routes         // by family; nil when not read
	own    map[netip.Addr]bool    // see Kernel.own; nil when not read
}

func newView() *view { return &view{routes: map[int]routes{}} }

// link is what the kernel says of an interface.
type link struct {
	index, peer, master int // peer is the other end, or what the interface lies on
	name, kind, alias   string
	other               []string // names
	mac                 string   // six bytes
	mtu                 int
	group, flags        uint32
	state               byte // IF_OPER_*
	port                byte // BR_STATE_* of a bridge's port
	hairpin             bool // of a bridge's port
	stp, passthru       bool // passthru: a macvlan that has the address of its parent
}

// table is a list that the kernel keeps for a namespace.
type table struct {
	kind  uint16 // RTM_GETLINK, ...
	body  message
	begin func() // before the first entry, also when reading begins anew
	each  func(body []byte)
}

// listTries bounds how often a list is asked for that changes while it is read.
const listTries = 30

// list reads tables of namespace ns, each again and again until nothing has
// changed meanwhile: nothing is said to be absent from one that lacks some.
func (k *Kernel) list(ns string, tables ...table) error {
	err := k.enter(ns, func() error { return readHere(k.scratch(), tables...) })
	if err != nil {
		k.forget() // what has been read of it
	}
	return err
}

// readHere is list for the namespace that the thread is in.
func readHere(buf []byte, tables ...table) error {
	s, err := openSocket(buf)
	if err != nil {
		return err
	}
	defer s.close()
	return s.read(tables...)
}

func (s *socket) read(tables ...table) (err error) {
	for _, t := range tables {
		for range listTries {
			t.begin()
			if err = s.dump(t.kind, t.body, t.each); !errors.Is(err, errInterrupted) {
				break
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// skipStats is RTEXT_FILTER_SKIP_STATS of linux/rtnetlink.h: no counters.
const skipStats = 1 << 3

// view says which interfaces namespace ns has. It is read once in a session,
// until something is done.
func (k *Kernel) view(ns string) (*view, error) {
	if v := k.seen(ns); v != nil {
		return v, nil
	}
	v := newView()
	return k.keep(ns, v, k.list(ns, v.linkTable()))
}

// survey is view for who is going to look at everything in a namespace: it is
// entered only once.
func (k *Kernel) survey(ns string) error {
	if k.session == nil || k.seen(ns) != nil {
		return nil
	}
	v := newView()
	_, err := k.keep(ns, v, k.list(ns, v.linkTable(), v.addrTable(), v.routeTable(unix.AF_INET)))
	return err
}

func (k *Kernel) seen(ns string) *view {
	if k.session == nil {
		return nil
	}
	return k.session.views[ns]
}

func (k *Kernel) keep(ns string, v *view, err error) (*view, error) {
	if err != nil {
		return nil, err
	}
	if k.session != nil {
		k.session.views[ns] = v
	}
	return v, nil
}

func (v *view) linkTable() table {
	begin := func() { v.links, v.byName = nil, map[string]int{} }
	return table{unix.RTM_GETLINK, linkMessage(0, 0, 0).number(unix.IFLA_EXT_MASK, skipStats), begin, func(b []byte) {
		l := readLink(b)
		for _, name := range append(l.other, l.name) {
			v.byName[name] = len(v.links)
		}
		v.links = append(v.links, l)
	}}
}

// named finds an interface by its name, nil when there is none.
func (v *view) named(name string) *link {
	i, there := v.byName[name]
	if !there {
		return nil
	}
	return &v.links[i]
}

// link finds an interface by its name.
func (k *Kernel) link(ns, name string) (link, error) {
	v, err := k.view(ns)
	if err != nil {
		return link{}, err
	}
	l := v.named(name)
	if l == nil {
		return link{}, unix.ENODEV
	}
	return *l, nil
}

// withIndex finds an interface by its index.
func (v *view) withIndex(i int) (link, bool) {
	at := slices.IndexFunc(v.links, func(l link) bool { return l.index == i })
	if at < 0 {
		return link{}, false
	}
	return v.links[at], true
}

// hardware is the kind of an interface that the kernel calls none.
const hardware = "device"

// readLink reads a message that begins with struct ifinfomsg.
func readLink(b []byte) link {
	l := link{index: numberOf(b[4:]), flags: uint32(numberOf(b[8:])), kind: hardware, port: forwarding}
	for kind, value := range attributes(b[unix.SizeofIfInfomsg:]) {
		switch kind {
		case unix.IFLA_IFNAME:
			l.name = textOf(value)
		case unix.IFLA_PROP_LIST:
			for _, name := range attributes(value) {
				l.other = append(l.other, textOf(name))
			}
		case unix.IFLA_IFALIAS:
			l.alias = textOf(value)
		case unix.IFLA_ADDRESS:
			l.mac = string(value)
		case unix.IFLA_MTU:
			l.mtu = numberOf(value)
		case unix.IFLA_GROUP:
			l.group = uint32(numberOf(value))
		case unix.IFLA_MASTER:
			l.master = numberOf(value)
		case unix.IFLA_LINK:
			l.peer = numberOf(value)
		case unix.IFLA_OPERSTATE:
			l.state = value[0]
		case unix.IFLA_LINKINFO:
			l.readInfo(value)
		}
	}
	return l
}

// readInfo reads what kind of interface it is, which for hardware the kernel
// does not say, and what it is as a port.
func (l *link) readInfo(info []byte) {
	if kind := attribute(info, unix.IFLA_INFO_KIND); kind != nil {
		l.kind = textOf(kind)
	}
	if stp := attribute(info, unix.IFLA_INFO_DATA, unix.IFLA_BR_STP_STATE); l.kind == "bridge" {
		l.stp = numberOf(stp) != 0
	}
	if mode := attribute(info, unix.IFLA_INFO_DATA, nl.IFLA_MACVLAN_MODE); l.kind == "macvlan" {
		l.passthru = numberOf(mode) == nl.MACVLAN_MODE_PASSTHRU
	}
	port := attribute(info, unix.IFLA_INFO_SLAVE_DATA)
	if state := attribute(port, unix.IFLA_BRPORT_STATE); len(state) > 0 {
		l.port = state[0]
	}
	if mode := attribute(port, unix.IFLA_BRPORT_MODE); len(mode) > 0 {
		l.hairpin = mode[0] != 0
	}
}
