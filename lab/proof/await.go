package proof

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// pause is how long to wait before looking again when the kernel announces
// nothing: of processes and mounts it does not tell.
const pause = 100 * time.Millisecond

// Await takes prints until one equals before, or ctx ends, and returns the last
// one. The kernel frees namespaces, and with them interfaces and their numbers,
// some time after the last of their names and processes is gone.
func Await(ctx context.Context, scope Scope, before Print) (Print, []Difference, error) {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_NSID)
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	w := &wait{ctx: ctx, start: time.Now(), scope: scope, before: before, events: s}
	in := func(section string) bool { return section != sysctls } // which is most of what a print costs
	for {
		if err := w.until(in); err != nil {
			return nil, nil, err
		}
		after, err := Take(context.WithoutCancel(ctx), scope) // what ends the waiting must not end a look
		if err != nil {
			return nil, nil, err
		}
		diff := Compare(before, after)
		if len(diff) == 0 || w.over(diff) {
			return after, diff, nil
		}
		in = differing(diff)
	}
}

// wait is for a machine to be as it was before.
type wait struct {
	ctx    context.Context
	start  time.Time
	scope  Scope
	before Print
	events *nl.NetlinkSocket
}

// until waits for some of the sections: there are events by the dozen, and it is
// the few that differed that must be looked at again.
func (w *wait) until(in func(section string) bool) error {
	for {
		some := slices.DeleteFunc(slices.Clone(looks), func(l look) bool { return !in(l.name) })
		was := slices.DeleteFunc(slices.Clone(w.before), func(s Section) bool { return !in(s.Name) })
		now, err := take(context.WithoutCancel(w.ctx), w.scope, some)
		if err != nil {
			return err
		}
		diff := Compare(was, now)
		if len(diff) == 0 || w.over(diff) {
			return nil
		}
		if err := event(w.events); err != nil {
			return err
		}
		in = differing(diff)
	}
}

func differing(diff []Difference) func(section string) bool {
	return func(section string) bool {
		return slices.ContainsFunc(diff, func(d Difference) bool { return d.Section == section })
	}
}

// over says whether there is nothing more to wait for, or no more time.
func (w *wait) over(diff []Difference) bool {
	return w.ctx.Err() != nil && !(dying(w.ctx, diff) && time.Since(w.start) < dyingWithin)
}

// dyingWithin bounds the wait for namespaces whose numbers alone are left. The
// kernel frees namespaces one batch after the other, those of others as well,
// and on a busy machine the queue is long.
const dyingWithin = 30 * time.Second

// dying says whether the time is over, but all that is left are the numbers of
// namespaces: nothing has them any more but the kernel itself.
func dying(ctx context.Context, diff []Difference) bool {
	return errors.Is(ctx.Err(), context.DeadlineExceeded) &&
		!slices.ContainsFunc(diff, func(d Difference) bool { return d.Section != namespaceNumbers })
}

// event waits for a change of the network, for a pause at most.
func event(s *nl.NetlinkSocket) error {
	fds := []unix.PollFd{{Fd: int32(s.GetFd()), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(pause.Milliseconds()))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	if n > 0 {
		_, _, _ = s.Receive() // which one it was does not matter, nor that some were lost
	}
	return nil
}
