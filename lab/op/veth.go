package op

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"

	"nslab/topology"
)

// Veth is a cable: a pair of interfaces, veth(4), each born where it belongs.
// One request makes both, and either end takes the other with it.
type Veth struct {
	device
	Peer device
}

// readVeth puts the end that lies on the host first, as a person would.
func readVeth(l topology.Link, ends []device, args *topology.Args) Op {
	if len(ends) != 2 {
		args.Complain(l.Pos, `a cable has two ends: endpoints: ["red:veth-red 192.168.15.1/24", "blue:veth-blue 192.168.15.2/24"]`)
		return nil
	}
	a, b := ends[0], ends[1]
	if b.NS == topology.Host && a.NS != topology.Host {
		a, b = b, a
	}
	return Veth{device: a, Peer: b}
}

// Do makes the pair. The peer's queue length is given because the library
// would send 0 for "not said".
func (v Veth) Do(k *Kernel) error {
	peer, err := k.Open(v.Peer.NS)
	if err != nil {
		return err
	}
	defer peer.Close()
	link := &netlink.Veth{
		LinkAttrs: v.attrs(k), PeerName: v.Peer.Name, PeerHardwareAddr: v.Peer.addr(k), PeerTxQLen: -1,
		PeerNamespace: netlink.NsFd(peer.Fd()),
	}
	link.PeerMTU = uint32(cmp.Or(v.Peer.MTU, defaultMTU)) // the library would give it that of the first end, ip(8) does not
	if err := k.addLink(v.NS, link, v.device, v.Peer); err != nil {
		return err
	}
	return v.claimPeer(k)
}

// claimPeer puts the peer into the lab's group where its address, chosen by
// the file, does not tell whose it is: the library gives groups to first ends
// only. Until it is done the first end answers for both.
func (v Veth) claimPeer(k *Kernel) error {
	if v.Peer.MAC == "" {
		return nil
	}
	return k.In(v.Peer.NS, func(h *netlink.Handle) error {
		l, err := h.LinkByName(v.Peer.Name)
		if err != nil {
			return err
		}
		return h.LinkSetGroup(l, int(k.Group()))
	})
}

// Undo removes the pair by whichever end is known as the lab's own. The far
// end is not asked when it is in doubt: whose it is, the near end says.
func (v Veth) Undo(k *Kernel) error {
	near := v.del(k, "veth")
	if err := v.Peer.del(k, "veth"); err != nil && !errors.Is(err, errDoubt) {
		return errors.Join(near, err)
	}
	if near == nil {
		return nil
	}
	return v.del(k, "veth") // unless it went with the other end
}

// Diff checks both ends, and that they belong together.
func (v Veth) Diff(k *Kernel) (string, error) {
	for i, d := range []device{v.device, v.Peer} {
		diff, err := d.diff(k, "veth")
		if diff != "" {
			diff, err = v.mateDiff(k, i == 1, diff)
		}
		if diff != "" || err != nil {
			return diff, err
		}
	}
	return v.pairDiff(k)
}

// mateDiff looks again at an end that may only seem foreign: one that is plugged into
// an end that is the lab's own is the lab's own too, whatever its address says.
func (v Veth) mateDiff(k *Kernel, far bool, diff string) (string, error) {
	end, mate := v.device, v.Peer
	if far {
		end, mate = mate, end
	}
	e, err := look(k, end)
	if err != nil {
		return diff, gone(err)
	}
	m, err := look(k, mate)
	if err != nil || !mate.made(k, m, "veth") || !plugged(e, m) {
		return diff, gone(err)
	}
	return end.differs(k, "veth", e, nil), nil
}

func (v Veth) pairDiff(k *Kernel) (string, error) {
	mine, err := look(k, v.device)
	if err != nil {
		return missing(v.Name+" "+place(v.NS), err)
	}
	theirs, err := look(k, v.Peer)
	if err != nil {
		return missing(v.Peer.Name+" "+place(v.Peer.NS), err)
	}
	if !plugged(mine, theirs) {
		return fmt.Sprintf("%s and %s are not two ends of one cable", v.Name, v.Peer.Name), nil
	}
	return "", nil
}

func plugged(a, b netlink.Link) bool {
	return a.Attrs().ParentIndex == b.Attrs().Index && b.Attrs().ParentIndex == a.Attrs().Index
}

// look finds what has the name.
func look(k *Kernel, d device) (l netlink.Link, err error) {
	err = k.In(d.NS, func(h *netlink.Handle) error {
		l, err = h.LinkByName(d.Name)
		return err
	})
	return l, err
}

// Command is ip link add ... type veth peer ....
func (v Veth) Command() Command {
	kind := append([]string{"veth", "peer", "name", v.Peer.Name}, v.Peer.args()...)
	if v.Peer.NS != v.NS {
		kind = append(kind, "netns", v.Peer.NS)
	}
	return v.add(kind...)
}

// Inverse deletes the first end; the other goes with it.
func (v Veth) Inverse() Command { return v.inverse() }

func (v Veth) String() string {
	return fmt.Sprintf("cable %s:%s - %s:%s", v.NS, v.Name, v.Peer.NS, v.Peer.Name)
}

// On is both namespaces.
func (v Veth) On() []Object { return []Object{NetNS(v.NS), NetNS(v.Peer.NS)} }

func (v Veth) devices() []device { return []device{v.device, v.Peer} }

// Makes is both ends.
func (v Veth) Makes() []Object { return []Object{Dev(v.NS, v.Name), Dev(v.Peer.NS, v.Peer.Name)} }

// Examples are a cable and a switch in the documentation's own names, for
// trying whether a kernel has them.
func Examples() (Veth, Bridge) {
	end := func(name string) device { return device{NS: topology.Host, Name: name} }
	return Veth{device: end("nslab-try-a"), Peer: end("nslab-try-b")}, Bridge{device: end("nslab-try-br")}
}
