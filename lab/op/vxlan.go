package op

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/topology"
)

// Vxlan is one end of a tunnel that carries Ethernet frames in UDP packets,
// RFC 7348 and ip-link(8), type vxlan. The packets leave by its parent, or by
// the routing table of the parent's namespace; without one, from where the
// interface itself is.
type Vxlan struct {
	child
	ID         int        // the network, 24 bits
	Local      netip.Addr // the packets' source; invalid: the kernel chooses
	Remote     netip.Addr // where frames for an unknown address go; invalid: nowhere
	Port       int
	NoLearning bool // who is where is said by facts (FDB) alone
	Proxy      bool // answers ARP from the permanent neighbours (Neighbour)
}

// vxlanPort is the one that IANA has assigned; the kernel's own default is older.
const vxlanPort = 4789

func readVxlan(l topology.Link, ends []device, args *topology.Args) Op {
	args.Required("id", "42")
	v := Vxlan{
		ID: args.Int("id", 0, 0, 1<<24-1), Local: args.Addr("local"), Remote: args.Addr("remote"), Port: args.Int("port", vxlanPort, 1, 65535),
		NoLearning: !args.Bool("learning", true), Proxy: args.Bool("proxy", false),
	}
	switch {
	case v.Remote.IsMulticast():
		args.Complain(args.Word("remote").Pos, "%s is a group: name the other end, or nobody and fill the fdb", v.Remote)
	case v.Local.IsValid() && v.Remote.IsValid() && v.Local.Is4() != v.Remote.Is4():
		args.Complain(args.Word("remote").Pos, "%s and %s are of different families", v.Local, v.Remote)
	case l.Parent != nil:
		v.child, _ = readBeside(l, ends, args)
	case len(ends) != 1:
		args.Complain(l.Pos, `a vxlan has one end, the other is in another kernel: endpoint: "br-ov:vxlan0"`)
	default:
		v.device, v.Parent.NS = ends[0], ends[0].NS
	}
	return v
}

// Do makes the interface. One in a namespace whose name has just gone keeps the
// network to itself until the kernel has freed that; of which nobody is told.
func (v Vxlan) Do(k *Kernel) error {
	const moment, patience = 5 * time.Millisecond, 5 * time.Second
	err := v.add(k, v.link)
	for end := time.Now().Add(patience); err == unix.EEXIST && time.Now().Before(end); { //nolint:errorlint // not the name, see taken
		time.Sleep(moment) //nolint:forbidigo // there is no event
		err = v.add(k, v.link)
	}
	return err
}

// link says which interface the packets leave by where ip(8) says so: among
// what belongs to the kind.
func (v Vxlan) link(a netlink.LinkAttrs) netlink.Link {
	out := &netlink.Vxlan{
		LinkAttrs: a, VtepDevIndex: a.ParentIndex, VxlanId: v.ID, SrcAddr: v.Local.AsSlice(), Group: v.Remote.AsSlice(),
		Port: v.Port, Learning: !v.NoLearning, Proxy: v.Proxy,
	}
	out.ParentIndex = 0
	return out
}

// Undo removes it.
func (v Vxlan) Undo(k *Kernel) error { return v.del(k, "vxlan") }

// Diff checks that the interface is there, and the tunnel.
func (v Vxlan) Diff(k *Kernel) (string, error) {
	if diff, err := v.diff(k, "vxlan"); diff != "" || err != nil {
		return diff, err
	}
	own, err := look(k, v.device)
	have, ok := own.(*netlink.Vxlan)
	if err != nil || !ok {
		return "", err
	}
	local, _ := netip.AddrFromSlice(have.SrcAddr)
	remote, _ := netip.AddrFromSlice(have.Group)
	for _, f := range []struct {
		what       string
		have, want any
	}{
		{"id", have.VxlanId, v.ID},
		{"local address", local, v.Local},
		{"remote address", remote, v.Remote},
		{"port", have.Port, v.Port},
		{"learning", have.Learning, !v.NoLearning},
		{"proxy", have.Proxy, v.Proxy},
	} {
		if f.have != f.want {
			return fmt.Sprintf("%s %s has %s %v, not %v", v.Name, place(v.NS), f.what, f.have, f.want), nil
		}
	}
	return "", nil
}

// Command is ip link add ... type vxlan.
func (v Vxlan) Command() Command {
	kind := []string{"vxlan", "id", fmt.Sprint(v.ID)}
	if v.Parent.Name != "" {
		kind = append(kind, "dev", v.Parent.Name)
	}
	if v.Local.IsValid() {
		kind = append(kind, "local", v.Local.String())
	}
	if v.Remote.IsValid() {
		kind = append(kind, "remote", v.Remote.String())
	}
	kind = append(kind, "dstport", fmt.Sprint(v.Port))
	if v.NoLearning {
		kind = append(kind, "nolearning")
	}
	if v.Proxy {
		kind = append(kind, "proxy")
	}
	return ipLink(v.Parent.NS, "add", v.Name, v.born(kind)...)
}

// Inverse is ip link del.
func (v Vxlan) Inverse() Command { return v.inverse() }

func (v Vxlan) String() string {
	return fmt.Sprintf("vxlan %s %s, network %d", v.Name, place(v.NS), v.ID)
}
