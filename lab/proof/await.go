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
		if len(diff) == 0 || ctx.Err() != nil && !(dying(ctx, diff) && time.Since(start) < dyingWithin) {
			return after, diff, nil
		}
		if err := event(s); err != nil {
			return after, diff, err
		}
	}
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
