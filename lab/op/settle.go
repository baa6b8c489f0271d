package op

import (
	"slices"

	"golang.org/x/sys/unix"
)

// settles is a Waiter that waits for interfaces of a namespace.
type settles interface {
	Waiter
	at() string
	devs() []string
}

func (u Up) devs() []string     { return []string{u.Dev} }
func (b Bridge) devs() []string { return []string{b.Name} }
func (m Master) devs() []string { return []string{m.Dev, m.Bridge} }

// Settle spares most of the waiting. Who asks for one interface, not for a
// list, has the kernel deal at once with what it knows of its carrier: it could
// take a second until it came to that by itself (rtnl_getlink in
// net/core/rtnetlink.c, since Linux 6.8). What facts wait for is left to Wait.
func Settle(k *Kernel, facts []Op) {
	k.forget()
	for ns, u := range byPlace(facts) {
		k.settle(ns, u)
	}
}

// unsettled is what is to be asked for in a namespace.
type unsettled struct {
	devs []string
	list bool // then all of its interfaces: a bridge and its ports wait for each other
}

// byPlace is the interfaces of facts, each once and in their order: what lies on
// another comes after it, and so what is said of it is newer.
func byPlace(facts []Op) map[string]unsettled {
	out := map[string]unsettled{}
	known := map[Object]bool{}
	for _, o := range facts {
		w, ok := o.(settles)
		if !ok || w.devs()[0] == "lo" {
			continue
		}
		u, dev := out[w.at()], w.devs()[0]
		if !known[Dev(w.at(), dev)] {
			known[Dev(w.at(), dev)] = true
			u.devs = append(u.devs, dev)
		}
		_, alone := o.(Up)
		u.list = u.list || !alone
		out[w.at()] = u
	}
	return out
}

// settle asks, and remembers what it was told. Of what goes wrong Wait will tell.
func (k *Kernel) settle(ns string, u unsettled) {
	v := newView()
	all := v.linkTable()
	all.begin()
	err := k.enter(ns, func() error {
		s, err := openSocket(k.scratch())
		if err != nil {
			return err
		}
		defer s.close()
		for some := range slices.Chunk(u.devs, crowd) {
			if err := s.links(some, all.each); err != nil {
				return err
			}
		}
		if u.list {
			return s.read(all)
		}
		return nil
	})
	if u.list {
		_, _ = k.keep(ns, v, err)
	} else {
		k.keepSome(ns, v.links)
	}
}

// links tells of interfaces, each by its name. Of one that is not there it says
// nothing.
func (s *socket) links(devs []string, each func(body []byte)) error {
	rs := make([]request, len(devs))
	for i, dev := range devs {
		rs[i] = request{kind: unix.RTM_GETLINK, body: linkNamed(dev, 0, 0).number(unix.IFLA_EXT_MASK, skipStats)}
	}
	last := len(rs) - 1
	if err := s.post(rs, nil, last); err != nil {
		return err
	}
	for done := false; !done; {
		err := s.receive(func(h unix.NlMsghdr, body []byte) {
			if h.Type == unix.RTM_NEWLINK {
				each(body)
			}
			done = done || h.Type == unix.NLMSG_ERROR && int(h.Seq) == last
		})
		if err != nil {
			return err
		}
	}
	return nil
}
