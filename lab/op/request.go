package op

import (
	"slices"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// request is one thing that rtnetlink(7) is asked to do.
type request struct {
	kind  uint16 // RTM_NEWLINK, ...
	flags uint16 // NLM_F_CREATE, ...
	body  message
	born  string // the namespace in which the new interface is born; "" for where it is asked
	spare bool   // that it is refused does not matter
}

// change is the request that changes an interface.
func change(body message) request { return request{kind: unix.RTM_SETLINK, body: body} }

// wired is a fact that requests make true: all of them in one namespace. They
// are the whole of it where nothing is in the way; else Do may know better.
type wired interface {
	Op
	at() string // the namespace
	requests(*Kernel) ([]request, error)
}

// ask makes a wired fact true.
func (k *Kernel) ask(w wired) error {
	rs, err := w.requests(k)
	if err != nil {
		return err
	}
	return k.send(w.at(), rs...)
}

// send sends requests and returns the first refusal.
func (k *Kernel) send(ns string, rs ...request) error {
	for _, err := range k.sendAll(ns, rs) {
		if err != nil {
			return err
		}
	}
	return nil
}

// crowd bounds how many requests go in one message: the answers to all of them
// must fit into the socket, and while they are under way the namespaces in
// which something is born are open. A process with threads pays a grace period
// of the kernel whenever its table of open files grows beyond 64, 128 ...
const crowd = 32

// crowd is one where a test wants to stand between any two requests.
func (k *Kernel) crowd() int {
	if k.Fault != nil {
		return 1
	}
	return crowd
}

// sendAll sends requests to namespace ns, in as few system calls as possible,
// and returns what became of each. The kernel goes on after a refusal.
func (k *Kernel) sendAll(ns string, rs []request) []error {
	if len(rs) == 0 {
		return nil
	}
	k.forget()
	out := make([]error, 0, len(rs))
	for some := range slices.Chunk(rs, k.crowd()) {
		var errs []error
		err := k.Around("request", ns, func() (err error) {
			errs, err = k.sendSome(ns, some)
			return err
		})
		for i, r := range some {
			switch {
			case err != nil:
				out = append(out, err)
			case r.spare:
				out = append(out, nil)
			default:
				out = append(out, errs[i])
			}
		}
	}
	return out
}

// sendSome is where every request of rtnetlink passes that changes something.
func (k *Kernel) sendSome(ns string, rs []request) (errs []error, err error) {
	homes := make([]*netns.NS, len(rs))
	defer func() {
		for _, home := range homes {
			if home != nil {
				home.Close()
			}
		}
	}()
	for i, r := range rs {
		if r.born != "" && r.born != ns {
			if homes[i], err = k.Open(r.born); err != nil {
				return nil, halfMade(r.born, err)
			}
		}
	}
	err = k.enter(ns, func() error {
		errs, err = k.sendHere(rs, homes)
		return err
	})
	return errs, err
}

// sendHere sends requests to the namespace that the thread is in. homes are
// those in which something is to be born, nil for here.
func (k *Kernel) sendHere(rs []request, homes []*netns.NS) ([]error, error) {
	s, err := openSocket(k.scratch())
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.exchange(rs, homes)
}
