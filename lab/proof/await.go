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
	for start := time.Now(); ; {
		// What ends the waiting must not end a look.
		after, err := Take(context.WithoutCancel(ctx), scope)
		if err != nil {
			return nil, nil, err
		}
		diff := Compare(before, after)
		if len(diff) == 0 || over(ctx, start, diff) {
			return after, diff, nil
		}
		for len(diff) > 0 && !over(ctx, start, diff) {
			if err := event(s); err != nil {
				return after, diff, err
			}
			if diff, err = lookAgain(ctx, scope, before, diff); err != nil {
				return nil, nil, err
			}
		}
	}
}

// lookAgain compares the sections that differed: there are events by the dozen,
// and most of what a print costs is in the others.
func lookAgain(ctx context.Context, scope Scope, before Print, differ []Difference) ([]Difference, error) {
	in := func(section string) bool {
		return slices.ContainsFunc(differ, func(d Difference) bool { return d.Section == section })
	}
	again := slices.DeleteFunc(slices.Clone(looks), func(l look) bool { return !in(l.name) })
	was := slices.DeleteFunc(slices.Clone(before), func(s Section) bool { return !in(s.Name) })
	now, err := take(context.WithoutCancel(ctx), scope, again)
	return Compare(was, now), err
}

// over says whether there is nothing more to wait for, or no more time.
func over(ctx context.Context, start time.Time, diff []Difference) bool {
	return ctx.Err() != nil && !(dying(ctx, diff) && time.Since(start) < dyingWithin)
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
