package op

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/topology"
)

// device is what every link kind shares: an interface at a place, known as
// the lab's own by the address it was created with.
type device struct {
	NS, Name string
	MAC      string // "" for the address that follows from the names
	MTU      int    // 0 for the kernel's default
}

func (d device) addr(k *Kernel) net.HardwareAddr {
	if mac, err := net.ParseMAC(d.MAC); err == nil {
		return mac
	}
	return k.MAC(d.NS, d.Name)
}

// attrs are the attributes that go into the creating request: the kernel takes
// name, address and group at once, so a killed process leaves no stranger.
func (d device) attrs(k *Kernel) netlink.LinkAttrs {
	a := netlink.NewLinkAttrs()
	a.Name, a.HardwareAddr, a.Group, a.MTU = d.Name, d.addr(k), k.Group(), d.MTU
	return a
}

// begin is the same for a request that we write ourselves. A single queue is
// enough for what a lab sends, and each costs the kernel some files in /sys.
func (d device) begin(k *Kernel, index, mtu int) message {
	m := linkMessage(index, 0, 0).text(unix.IFLA_IFNAME, d.Name).bytes(unix.IFLA_ADDRESS, d.addr(k))
	if mtu != 0 {
		m = m.number(unix.IFLA_MTU, mtu)
	}
	return m.number(unix.IFLA_GROUP, int(k.Group())).number(unix.IFLA_NUM_TX_QUEUES, 1).number(unix.IFLA_NUM_RX_QUEUES, 1)
}

// find returns the lab's own interface, whatever it is called now, and the
// foreign one that has its name. The error is that of a look-up when there is
// neither.
func (d device) find(k *Kernel, kind string) (own, foreign *link, err error) {
	v, err := k.view(d.NS)
	if err != nil {
		return nil, nil, err
	}
	named := v.named(d.Name)
	if named != nil && d.made(k, named, kind) {
		return named, nil, nil
	}
	renamed := d.renamed(k, v, kind)
	if renamed == nil && named == nil {
		return nil, nil, unix.ENODEV
	}
	return renamed, named, nil
}

// made says whether an interface is the lab's own, for Diff and Undo alike. In
// the lab's group it is when it has the name or the address: somebody may have
// changed the other. Outside, only an address that follows from the names
// proves anything, and only of the right kind: what was put on top (a VLAN, a
// bridge around a port) borrows addresses.
func (d device) made(k *Kernel, l *link, kind string) bool {
	if l.group == k.Group() {
		return l.name == d.Name || d.hasAddr(k, l)
	}
	return d.MAC == "" && d.hasAddr(k, l) && l.kind == kind
}

// doubtful says whether nobody can tell whose an interface is: it has the name
// and the address that the file gives, which anybody may have typed.
func (d device) doubtful(k *Kernel, l *link, kind string) bool {
	return l != nil && d.MAC != "" && d.hasAddr(k, l) && l.kind == kind
}

func (d device) hasAddr(k *Kernel, l *link) bool { return l.mac == string(d.addr(k)) }

// renamed finds the lab's own interface under another name, nil when there is
// none.
func (d device) renamed(k *Kernel, v *view, kind string) *link {
	i := slices.IndexFunc(v.links, func(l link) bool { return d.made(k, &l, kind) })
	if i < 0 {
		return nil
	}
	return &v.links[i]
}

// LinkList lists the interfaces of the namespace that the thread is in. A list
// that was interrupted may lack some, so nothing is said to be absent from one.
func LinkList(h *netlink.Handle) (links []netlink.Link, err error) {
	for range listTries {
		links, err = h.LinkList()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return links, err
}

// errDoubt says that an interface may be the lab's own, or not.
var errDoubt = errors.New("it may be another's")

// del removes the interface if it is the lab's own. Where nobody can tell it
// says so, for somebody to decide.
func (d device) del(k *Kernel, kind string) error {
	own, foreign, err := d.find(k, kind)
	switch {
	case err != nil:
		return gone(err)
	case own != nil:
		k.unmade(d)
		return gone(k.send(d.NS, request{kind: unix.RTM_DELLINK, body: linkMessage(own.index, 0, 0)}))
	case d.doubtful(k, foreign, kind):
		return fmt.Errorf("%s: %w", d.doubt(k), errDoubt)
	}
	return nil
}

// doubt describes an interface that may be the lab's own, or not.
func (d device) doubt(k *Kernel) string {
	return fmt.Sprintf("%s %s has the address that the file gives it, but is not in the group of this lab: if it is the lab's, `%s`, if not, `%s`",
		d.Name, place(d.NS), ipLink(d.NS, "set", d.Name, "group", fmt.Sprint(k.Group())), d.inverse())
}

// diff checks that the interface exists, is the lab's own and of the kind.
func (d device) diff(k *Kernel, kind string) (string, error) {
	own, foreign, err := d.find(k, kind)
	if err != nil {
		return missing(d.Name+" "+place(d.NS), err)
	}
	return d.differs(k, kind, own, foreign), nil
}

func (d device) differs(k *Kernel, kind string, own, foreign *link) string {
	switch {
	case own == nil && d.doubtful(k, foreign, kind):
		return d.doubt(k)
	case own == nil:
		return d.foreign(foreign)
	case own.name != d.Name:
		return fmt.Sprintf("%s %s was renamed to %s", d.Name, place(d.NS), topology.Quote(own.name))
	case own.kind != kind:
		return fmt.Sprintf("%s is a %s, not a %s", d.Name, own.kind, kind)
	case !d.hasAddr(k, own) && !own.passthru:
		return fmt.Sprintf("%s %s has the address %s, not %s", d.Name, place(d.NS), net.HardwareAddr(own.mac), d.addr(k))
	case d.bornMTU(kind) != 0 && own.mtu != d.bornMTU(kind):
		return fmt.Sprintf("%s %s has mtu %d, not %d", d.Name, place(d.NS), own.mtu, d.bornMTU(kind))
	}
	return ""
}

// bornMTU is the MTU that the interface is made with, 0 where the kernel
// derives it from others: of ports, which has a fact of its own, or of a parent.
func (d device) bornMTU(kind string) int {
	switch kind {
	case "bridge":
		return 0
	case "veth":
		return cmp.Or(d.MTU, defaultMTU)
	}
	return d.MTU
}

// foreign describes an interface that is in the way, and what helps.
func (d device) foreign(l *link) string {
	cure := d.inverse().String()
	if l.kind == hardware { // it cannot be deleted
		cure = "choose another name"
	}
	return fmt.Sprintf("an interface %s exists %s, but %s (%s, %s): %s, then nslab apply",
		d.Name, place(d.NS), Foreign, l.kind, net.HardwareAddr(l.mac), cure)
}

// args are the words of `ip link add` that describe the interface itself.
func (d device) args() []string {
	var out []string
	if d.MAC != "" {
		out = append(out, "address", d.MAC)
	}
	if d.MTU != 0 {
		out = append(out, "mtu", fmt.Sprint(d.MTU))
	}
	return out
}

// add is `ip link add NAME [address ..] type KIND ..`.
func (d device) add(kind ...string) Command {
	return ipLink(d.NS, "add", d.Name, slices.Concat(d.args(), []string{"type"}, kind)...)
}

func (d device) inverse() Command { return ipLink(d.NS, "del", d.Name) }

func (d device) On() []Object { return []Object{NetNS(d.NS)} }

func (d device) Makes() []Object { return []Object{Dev(d.NS, d.Name)} }

// devices are the interfaces that a fact makes.
func (d device) devices() []device { return []device{d} }

// taken explains the kernel's "file exists": which of the ends it means.
func taken(k *Kernel, err error, ends ...device) error {
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	for _, d := range ends {
		if _, there := k.link(d.NS, d.Name); there == nil {
			return fmt.Errorf("there is an interface %s %s already: %w", d.Name, place(d.NS), err)
		}
	}
	return err
}
