package op

import (
	"encoding/binary"

	"nslab/lab/netns"
)

// session is what a Kernel keeps while it goes through many facts, so that it
// need not ask the kernel the same thing again for each of them.
type session struct {
	thread *netns.Thread
	buf    []byte                  // for sockets
	views  map[string]*view        // what namespaces look like, until something is done
	some   map[Object]link         // or, where not all was asked for, some of their interfaces
	tables map[tableAt]*nfTable    // and tables of rules
	made   map[Object]int          // the indexes of the interfaces made in this session
	taken  map[string]map[int]bool // the indexes in use, of namespaces where something was made
	born   born                    // the namespaces that are as the kernel made them
}

func newSession(t *netns.Thread) *session {
	return &session{t, make([]byte, bufSize), map[string]*view{}, map[Object]link{}, map[tableAt]*nfTable{}, map[Object]int{}, map[string]map[int]bool{}, newBorn()}
}

// bufSize is that of what the kernel sends at once of a long list.
const bufSize = 32 << 10

func (k *Kernel) scratch() []byte {
	if k == nil || k.session == nil {
		return make([]byte, bufSize)
	}
	return k.session.buf
}

// forget forgets what namespaces look like: something is about to change. One
// change changes much: an interface goes with its peer, routes with it.
func (k *Kernel) forget() {
	if k.session != nil {
		clear(k.session.views)
		clear(k.session.some)
		clear(k.session.tables)
		k.session.born.clear()
	}
}

// loIndex is the index of lo: LOOPBACK_IFINDEX of the kernel, the first in
// every namespace.
const loIndex = 1

// index is the index of an interface. That of one made in this session is known.
func (k *Kernel) index(ns, dev string) (int, error) {
	if dev == "lo" {
		return loIndex, nil
	}
	if k.session != nil {
		if i, ok := k.session.made[Dev(ns, dev)]; ok {
			return i, nil
		}
	}
	l, err := k.link(ns, dev)
	return l.index, err
}

// newIndex is an index for an interface that is to be made, well above those
// that the kernel hands out in a new namespace. Who says it need not ask which
// one the kernel chose. It follows from the names, like MAC, where it is free,
// and is never that of the peer: where both ends of a cable have the same index
// the kernel takes it for an interface that is its own link, does not hurry
// with its carrier, and the first packets of up to a second are lost
// (net/core/link_watch.c, linkwatch_urgent_event).
func (k *Kernel) newIndex(ns, dev string, peer int) int {
	mac := k.MAC(ns, dev)
	i := 100 + int(binary.BigEndian.Uint16(mac[4:]))%9900
	taken := k.taken(ns)
	for i == peer || taken[i] {
		i++
	}
	if k.session != nil {
		taken[i] = true
		k.session.made[Dev(ns, dev)] = i
	}
	return i
}

// taken are the indexes in use in a namespace, as far as they are known.
func (k *Kernel) taken(ns string) map[int]bool {
	if k.session == nil {
		return nil
	}
	if _, known := k.session.taken[ns]; !known {
		k.session.taken[ns] = map[int]bool{}
		if v, err := k.view(ns); err == nil { // else the request will tell
			for _, l := range v.links {
				k.session.taken[ns][l.index] = true
			}
		}
	}
	return k.session.taken[ns]
}

// empty remembers that a namespace is new: nothing but lo is in it.
func (k *Kernel) empty(ns string) {
	if k.session == nil {
		return
	}
	k.session.taken[ns] = map[int]bool{loIndex: true}
	k.session.born.names[ns] = true
}

// unmade forgets an interface: its index may be another's by now.
func (k *Kernel) unmade(ds ...device) {
	if k.session == nil {
		return
	}
	for _, d := range ds {
		delete(k.session.made, Dev(d.NS, d.Name))
	}
}
