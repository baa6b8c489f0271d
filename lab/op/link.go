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

// find returns the lab's own interface, whatever it is called now, and the
// foreign one that has its name. The error is that of a look-up when there is
// neither.
func (d device) find(k *Kernel, h *netlink.Handle, kind string) (own, foreign netlink.Link, err error) {
	l, err := h.LinkByName(d.Name)
	if err == nil && d.made(k, l, kind) {
		return l, nil, nil
	}
	if err != nil && !absent(err) {
		return nil, nil, err
	}
	renamed, rerr := d.renamed(k, h, kind)
	switch {
	case rerr != nil:
		return nil, nil, rerr
	case renamed != nil || err == nil:
		return renamed, l, nil
	}
	return nil, nil, err
}

// made says whether an interface is the lab's own, for Diff and Undo alike. In
// the lab's group it is when it has the name or the address: somebody may have
// changed the other. Outside, only an address that follows from the names
// proves anything, and only of the right kind: what was put on top (a VLAN, a
// bridge around a port) borrows addresses.
func (d device) made(k *Kernel, l netlink.Link, kind string) bool {
	if l.Attrs().Group == k.Group() {
		return l.Attrs().Name == d.Name || d.hasAddr(k, l)
	}
	return d.MAC == "" && d.hasAddr(k, l) && l.Type() == kind
}

// doubtful says whether nobody can tell whose an interface is: it has the name
// and the address that the file gives, which anybody may have typed.
func (d device) doubtful(k *Kernel, l netlink.Link, kind string) bool {
	return l != nil && d.MAC != "" && d.hasAddr(k, l) && l.Type() == kind
}

func (d device) hasAddr(k *Kernel, l netlink.Link) bool {
	return l.Attrs().HardwareAddr.String() == d.addr(k).String()
}

// renamed finds the lab's own interface under another name, nil when there is
// none.
func (d device) renamed(k *Kernel, h *netlink.Handle, kind string) (netlink.Link, error) {
	links, err := LinkList(h)
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		if d.made(k, l, kind) {
			return l, nil
		}
	}
	return nil, nil
}

// listTries bounds how often a list is asked for that changes while it is read.
const listTries = 30

// LinkList lists the interfaces. A list that was interrupted may lack some, so
// nothing is said to be absent from one.
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
	return gone(k.In(d.NS, func(h *netlink.Handle) error {
		own, foreign, err := d.find(k, h, kind)
		switch {
		case err != nil:
			return err
		case own != nil:
			return h.LinkDel(own)
		case d.doubtful(k, foreign, kind):
			return fmt.Errorf("%s: %w", d.doubt(k), errDoubt)
		}
		return nil
	}))
}

// doubt describes an interface that may be the lab's own, or not.
func (d device) doubt(k *Kernel) string {
	return fmt.Sprintf("%s %s has the address that the file gives it, but is not in the group of this lab: if it is the lab's, `%s`, if not, `%s`",
		d.Name, place(d.NS), ipLink(d.NS, "set", d.Name, "group", fmt.Sprint(k.Group())), d.inverse())
}

// diff checks that the interface exists, is the lab's own and of the kind.
func (d device) diff(k *Kernel, kind string) (diff string, err error) {
	err = k.In(d.NS, func(h *netlink.Handle) error {
		own, foreign, err := d.find(k, h, kind)
		if err != nil {
			return err
		}
		diff = d.differs(k, kind, own, foreign)
		return nil
	})
	if err != nil {
		return missing(d.Name+" "+place(d.NS), err)
	}
	return diff, nil
}

func (d device) differs(k *Kernel, kind string, own, foreign netlink.Link) string {
	switch {
	case own == nil && d.doubtful(k, foreign, kind):
		return d.doubt(k)
	case own == nil:
		return d.foreign(foreign)
	case own.Attrs().Name != d.Name:
		return fmt.Sprintf("%s %s was renamed to %s", d.Name, place(d.NS), topology.Quote(own.Attrs().Name))
	case own.Type() != kind:
		return fmt.Sprintf("%s is a %s, not a %s", d.Name, own.Type(), kind)
	case !d.hasAddr(k, own) && !passthru(own):
		return fmt.Sprintf("%s %s has the address %s, not %s", d.Name, place(d.NS), own.Attrs().HardwareAddr, d.addr(k))
	case d.bornMTU(kind) != 0 && own.Attrs().MTU != d.bornMTU(kind):
		return fmt.Sprintf("%s %s has mtu %d, not %d", d.Name, place(d.NS), own.Attrs().MTU, d.bornMTU(kind))
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
func (d device) foreign(l netlink.Link) string {
	cure := d.inverse().String()
	if l.Type() == "device" { // hardware cannot be deleted
		cure = "choose another name"
	}
	return fmt.Sprintf("an interface %s exists %s, but %s (%s, %s): %s, then nslab apply",
		d.Name, place(d.NS), Foreign, l.Type(), l.Attrs().HardwareAddr, cure)
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
		if there, _ := d.exists(k); there {
			return fmt.Errorf("there is an interface %s %s already: %w", d.Name, place(d.NS), err)
		}
	}
	return err
}

func (d device) exists(k *Kernel) (bool, error) {
	err := k.In(d.NS, func(h *netlink.Handle) error {
		_, err := h.LinkByName(d.Name)
		return err
	})
	return err == nil, err
}
