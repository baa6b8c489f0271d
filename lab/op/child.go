package op

import (
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/topology"
)

// child is an interface that sits on another one, its parent: what it sends
// leaves by the parent, and it goes with it.
type child struct {
	device
	Parent device // its name is "" where the routing table there chooses
}

// readChild reads what every such kind has: one end, and a parent.
func readChild(l topology.Link, ends []device, args *topology.Args) (child, bool) {
	c, ok := readBeside(l, ends, args)
	if ok && c.Parent.Name == "" {
		args.Complain(l.Parent.Pos, "want the interface that the %s sits on, for example \"%s:eth0\", found %q", l.Kind, c.Parent.NS, c.Parent.NS)
	}
	return c, ok && c.Parent.Name != ""
}

// readBeside is readChild for kinds that may sit on no interface, but beside
// those of a namespace.
func readBeside(l topology.Link, ends []device, args *topology.Args) (child, bool) {
	if l.Parent == nil || len(ends) != 1 {
		args.Complain(l.Pos, `a %s has a parent and one end: parent: "host:eth0", endpoint: "red:eth0 192.168.1.50/24"`, l.Kind)
		return child{}, false
	}
	c := child{device: ends[0], Parent: device{NS: l.Parent.Node.Text, Name: l.Parent.Interface.Text}}
	if c.NS == topology.Host && c.Parent.NS != topology.Host {
		args.Complain(l.Parent.Pos, "the parent is in %s, and ip(8) has no word for the host to make a child of it there: put the end into a namespace", c.Parent.NS)
		return child{}, false
	}
	return c, true
}

// add makes the interface where it belongs: the request is sent beside the
// parent and names the namespace in which the interface is born.
func (c child) add(k *Kernel, link func(netlink.LinkAttrs) netlink.Link) error {
	home, err := k.Open(c.NS)
	if err != nil {
		return err
	}
	defer home.Close()
	attrs := c.attrs(k)
	attrs.Namespace = netlink.NsFd(home.Fd())
	if c.Parent.Name != "" {
		parent, err := look(k, c.Parent)
		if err != nil {
			return err
		}
		attrs.ParentIndex = parent.Attrs().Index
	}
	return k.addLink(c.Parent.NS, link(attrs), c.device)
}

// addLink makes an interface with an index of our choice, see newIndex, or
// if that is taken with one of the kernel's.
func (k *Kernel) addLink(ns string, link netlink.Link, ends ...device) error {
	send := func() error {
		return taken(k, k.In(ns, func(h *netlink.Handle) error { return h.LinkAdd(link) }), ends...)
	}
	link.Attrs().Index = k.newIndex(ends[0].NS, ends[0].Name, 0)
	err := send()
	if err == nil {
		return nil
	}
	k.unmade(ends...)
	if err == unix.EEXIST { //nolint:errorlint // not a name: the index
		link.Attrs().Index = 0
		err = send()
	}
	return err
}

// look finds an interface by its name, with what is peculiar to its kind.
func look(k *Kernel, d device) (l netlink.Link, err error) {
	err = k.In(d.NS, func(h *netlink.Handle) error {
		l, err = h.LinkByName(d.Name)
		return err
	})
	return l, err
}

// command is `ip link add link PARENT name NAME ... type KIND ...`.
func (c child) command(kind ...string) Command {
	return ip(c.Parent.NS, slices.Concat([]string{"link", "add", "link", c.Parent.Name, "name", c.Name}, c.born(kind))...)
}

// born are the words that say what is made, and where.
func (c child) born(kind []string) []string {
	words := c.args()
	if c.NS != c.Parent.NS {
		words = append(words, "netns", c.NS)
	}
	return slices.Concat(words, []string{"type"}, kind)
}

// On are the namespaces, and the parent, none of which the interface can outlive.
func (c child) On() []Object {
	on := []Object{NetNS(c.NS), NetNS(c.Parent.NS)}
	if c.Parent.Name != "" {
		on = append(on, Dev(c.Parent.NS, c.Parent.Name))
	}
	return on
}
