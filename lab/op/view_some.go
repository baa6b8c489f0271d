package op

import (
	"errors"

	"golang.org/x/sys/unix"
)

// lo is the loopback interface of a namespace, which says whose it is. The
// others are not asked for.
func (k *Kernel) lo(ns string) (l link, err error) {
	if k.seen(ns) != nil {
		return k.link(ns, "lo")
	}
	if l, told := k.told(ns, "lo"); told {
		return l, nil
	}
	err = k.enter(ns, func() error {
		s, err := openSocket(k.scratch())
		if err != nil {
			return err
		}
		defer s.close()
		l, err = s.lo()
		return err
	})
	if err == nil {
		k.keepSome(ns, []link{l})
	}
	return l, err
}

// told is an interface that was asked for by itself. A list is newer.
func (k *Kernel) told(ns, dev string) (l link, told bool) {
	if k.session == nil || k.seen(ns) != nil {
		return link{}, false
	}
	l, told = k.session.some[Dev(ns, dev)]
	return l, told
}

// one is link, but for what was asked for by itself no list is needed.
func (k *Kernel) one(ns, dev string) (link, error) {
	if l, told := k.told(ns, dev); told {
		return l, nil
	}
	return k.link(ns, dev)
}

// keepSome remembers some interfaces of a namespace.
func (k *Kernel) keepSome(ns string, ls []link) {
	if k.session == nil {
		return
	}
	for _, l := range ls {
		k.session.some[Dev(ns, l.name)] = l
	}
}

func (s *socket) lo() (link, error) {
	get := linkMessage(loIndex, 0, 0).number(unix.IFLA_EXT_MASK, skipStats)
	answer, err := s.question(request{kind: unix.RTM_GETLINK, body: get})
	if err == nil && len(answer) < unix.SizeofIfInfomsg {
		err = errors.New("rtnetlink tells less of lo than there is of any interface")
	}
	if err != nil {
		return link{}, err
	}
	return readLink(answer), nil
}
