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
	byName map[string]*link
	addrs  map[int][]netip.Prefix // by the index of the interface; nil when not read
	routes map[int]routes         // by family; nil when not read
}

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
	stp, passthru       bool // passthru: a macvlan that has the address of its parent
}

// lists bounds how often a list is asked for that changes while it is read.
const listTries = 30

// list reads a list of namespace ns, again and again until nothing has changed
// meanwhile: nothing is said to be absent from one that lacks some.
func (k *Kernel) list(ns string, kind uint16, body message, begin func(), each func(body []byte)) error {
	return k.enter(ns, func() error {
		s, err := openSocket(k.scratch())
		if err != nil {
			return err
		}
		defer s.close()
		for range listTries {
			begin()
			if err = s.dump(kind, body, each); !errors.Is(err, errInterrupted) {
				break
			}
		}
		return err
	})
}

// skipStats is RTEXT_FILTER_SKIP_STATS of linux/rtnetlink.h: no counters.
const skipStats = 1 << 3

// view says what namespace ns looks like. It is read once in a session, until
// something is done.
func (k *Kernel) view(ns string) (*view, error) {
	if k.session != nil && k.session.views[ns] != nil {
		return k.session.views[ns], nil
	}
	v := &view{routes: map[int]routes{}}
	skip := linkMessage(0, 0, 0).number(unix.IFLA_EXT_MASK, skipStats)
	err := k.list(ns, unix.RTM_GETLINK, skip, func() { v.links = nil }, func(b []byte) { v.links = append(v.links, readLink(b)) })
	if err != nil {
		return nil, err
	}
	v.byName = make(map[string]*link, len(v.links))
	for i := range v.links {
		l := &v.links[i]
		v.byName[l.name] = l
		for _, other := range l.other {
			v.byName[other] = l
		}
	}
	if k.session != nil {
		k.session.views[ns] = v
	}
	return v, nil
}

// link finds an interface by its name.
func (k *Kernel) link(ns, name string) (link, error) {
	v, err := k.view(ns)
	if err != nil {
		return link{}, err
	}
	l, ok := v.byName[name]
	if !ok {
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
	if state := attribute(info, unix.IFLA_INFO_SLAVE_DATA, unix.IFLA_BRPORT_STATE); len(state) > 0 {
		l.port = state[0]
	}
}
