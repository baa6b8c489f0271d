package op

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/lab/netns"
	"nslab/topology"
)

// Kernel is the machine a lab is built on, and the name the lab marks its
// objects with. The zero value of Was means that nothing is remembered.
type Kernel struct {
	Lab string          // owner of everything that is made
	Dir string          // where the lab keeps its run-time files
	Was func(Op) string // what Before said when the fact was made

	// AllowCommands lets a lab file run programs of its choice (services and
	// probes of kind command). A file from elsewhere must not, unasked.
	AllowCommands bool

	// Fault is for tests: it is called at every point of an operation at which
	// something may go wrong, and what it returns goes wrong. See Around.
	Fault func(point string) error

	session *session // nil outside of one
}

// Session runs f with a Kernel that stays on one thread, which makes entering
// a namespace cheap, and that remembers what it has seen, see session. That
// Kernel must not be used by another goroutine.
func (k *Kernel) Session(f func(*Kernel) error) error {
	return netns.Stay(func(t *netns.Thread) error {
		s := *k
		t.Points = k.point
		s.session = newSession(t)
		return f(&s)
	})
}

// Open opens a namespace by its name; the lab's host is the namespace that
// the process is in. The error wraps fs.ErrNotExist when there is none.
func (k *Kernel) Open(ns string) (*netns.NS, error) {
	if ns == topology.Host {
		return netns.Current()
	}
	return k.openPlace(ns)
}

// Inside runs f in namespace ns. Goroutines that f starts run outside. f may
// change anything there: what has been seen is forgotten.
func (k *Kernel) Inside(ns string, f func() error) error {
	k.forget()
	return k.enter(ns, f)
}

// enter is Inside for those who say what they change.
func (k *Kernel) enter(ns string, f func() error) error {
	return k.Around("enter", ns, func() error { return k.inside(ns, f) })
}

func (k *Kernel) inside(ns string, f func() error) error {
	if ns == topology.Host {
		return f()
	}
	n, err := k.openPlace(ns)
	if err != nil {
		return halfMade(ns, err)
	}
	defer n.Close()
	if k.session != nil {
		return k.session.thread.Do(n, f)
	}
	return n.Do(f)
}

// create makes a namespace, on the thread of the session if there is one.
func (k *Kernel) create(name string, prepare func() error) error {
	return k.Around("create", name, func() error {
		if k.session != nil {
			return k.session.thread.Create(name, prepare)
		}
		return netns.Create(name, prepare)
	})
}

// In runs f in namespace ns with a netlink handle, for what no request of ours
// says. The handle holds no socket: every request opens its own, here.
func (k *Kernel) In(ns string, f func(*netlink.Handle) error) error {
	return k.Inside(ns, func() error { return f(&netlink.Handle{}) })
}

// on runs f in namespace ns with the interface dev.
func (k *Kernel) on(ns, dev string, f func(*netlink.Handle, netlink.Link) error) error {
	return k.In(ns, func(h *netlink.Handle) error {
		l, err := h.LinkByName(dev)
		if err != nil {
			return err
		}
		return f(h, l)
	})
}

// was returns what Before answered for o, "" when nothing is known.
func (k *Kernel) was(o Op) string {
	if k.Was == nil {
		return ""
	}
	return k.Was(o)
}

// oui begins the address of every interface that nslab made: a locally
// administered prefix with "ns" in it.
var oui = [3]byte{0x02, 0x6e, 0x73}

// MAC is the address of an interface for which the file gives none. It depends
// on the names alone, so the same file gives the same screen, stale ARP
// entries stay right, and an interface can be known as the lab's own.
func (k *Kernel) MAC(ns, dev string) net.HardwareAddr {
	h := sha256.Sum256([]byte(k.Lab + "\x00" + ns + "\x00" + dev))
	return net.HardwareAddr{oui[0], oui[1], oui[2], h[0], h[1], h[2]}
}

// Group is the device group (IFLA_GROUP) of the lab's interfaces. It is never
// 0, the group of everybody else. Guests' groups lie in a range of their own.
func (k *Kernel) Group() uint32 {
	h := sha256.Sum256([]byte(k.Lab))
	if guest(k.Lab) {
		return binary.BigEndian.Uint32(h[:])&0x1fffffff | 0x20000000
	}
	return binary.BigEndian.Uint32(h[:])&0x3fffffff | 0x40000000
}

// Mark is the text by which namespaces and rules are known as the lab's own.
func (k *Kernel) Mark(object string) string { return "nslab:" + k.Lab + ":" + object }

// absent says whether err means that the namespace, the interface or the
// object asked for does not exist.
func absent(err error) bool {
	var noLink netlink.LinkNotFoundError // of a Handle
	return errors.Is(err, fs.ErrNotExist) || errors.As(err, &noLink) || errors.Is(err, netns.ErrPlain) ||
		errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENXIO)
}

// missing turns an error of a look-up into the words of a Diff.
func missing(what string, err error) (string, error) {
	if absent(err) {
		return what + " does not exist", nil
	}
	return "", err
}

// gone turns an error of a removal into success when there is nothing to remove.
func gone(err error) error {
	if err == nil || absent(err) {
		return nil
	}
	return err
}

// place is "in red", or "on the host".
func place(ns string) string {
	if ns == topology.Host {
		return "on the host"
	}
	return "in " + ns
}
