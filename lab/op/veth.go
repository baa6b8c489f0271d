package op

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

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

// requests is one: both ends are born where they belong, with name, address and
// group. The peer's namespace is the one it is sent to, the cable's own follows.
func (v Veth) requests(k *Kernel) ([]request, error) {
	near := k.newIndex(v.NS, v.Name, 0)
	return []request{v.request(k, near, k.newIndex(v.Peer.NS, v.Peer.Name, near))}, nil
}

func (v Veth) request(k *Kernel, near, far int) request {
	peer := message{}.nest(nl.VETH_INFO_PEER, v.begin(k, near, cmp.Or(v.MTU, defaultMTU)))
	info := message{}.text(unix.IFLA_INFO_KIND, "veth").nest(unix.IFLA_INFO_DATA, peer)
	body := v.Peer.begin(k, far, cmp.Or(v.Peer.MTU, defaultMTU)).nest(unix.IFLA_LINKINFO, info)
	return request{kind: unix.RTM_NEWLINK, flags: unix.NLM_F_CREATE | unix.NLM_F_EXCL, body: body, born: v.Peer.NS}
}

func (v Veth) at() string { return v.NS }

// Do makes the pair. The indexes that we would like may be another's.
func (v Veth) Do(k *Kernel) error {
	err := k.ask(v)
	if err == nil {
		return nil
	}
	k.unmade(v.device, v.Peer)
	if err = taken(k, err, v.device, v.Peer); err == unix.EEXIST { //nolint:errorlint // not a name: an index
		err = k.send(v.NS, v.request(k, 0, 0))
	}
	return err
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
	e, err := k.link(end.NS, end.Name)
	if err != nil {
		return diff, gone(err)
	}
	m, err := k.link(mate.NS, mate.Name)
	if err != nil || !mate.made(k, &m, "veth") || !plugged(e, m) {
		return diff, gone(err)
	}
	return end.differs(k, "veth", &e, nil), nil
}

func (v Veth) pairDiff(k *Kernel) (string, error) {
	mine, err := k.link(v.NS, v.Name)
	if err != nil {
		return missing(v.Name+" "+place(v.NS), err)
	}
	theirs, err := k.link(v.Peer.NS, v.Peer.Name)
	if err != nil {
		return missing(v.Peer.Name+" "+place(v.Peer.NS), err)
	}
	if !plugged(mine, theirs) {
		return fmt.Sprintf("%s and %s are not two ends of one cable", v.Name, v.Peer.Name), nil
	}
	return "", nil
}

func plugged(a, b link) bool { return a.peer == b.index && b.peer == a.index }

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
