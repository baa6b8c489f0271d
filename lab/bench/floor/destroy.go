package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"nslab/lab/bench/shape"
)

// destroy takes the shape away. The host's interfaces, the switch among them,
// go by one request; what is in namespaces goes with these, in the kernel's
// own time.
func destroy(s shape.Shape) error {
	var errs []error
	if len(s.Ports) > 0 {
		errs = append(errs, stopService(), unpublish(), forgetFlows())
	}
	if s.Bridge.IsValid() || len(s.Ports) > 0 {
		errs = append(errs, removeLinks(s))
	}
	for _, n := range s.Nodes {
		path := runNetns + n.Name
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("umount %s: %w", path, err))
		}
		errs = append(errs, unix.Unlink(path))
	}
	if s.Forwarding {
		errs = append(errs, sysctl("ip_forward", 0))
	}
	return errors.Join(errs...)
}

// removeLinks removes the group. A switch that is down lets its ports go
// without recalculating anything for each.
func removeLinks(s shape.Shape) error {
	host, err := dial(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	b := &batch{}
	if s.Bridge.IsValid() {
		b.begin(unix.RTM_SETLINK, 0, link(unix.IfInfomsg{Index: bridgeIndex, Change: unix.IFF_UP}))
	}
	b.begin(unix.RTM_DELLINK, 0, link(unix.IfInfomsg{}))
	b.u32(unix.IFLA_GROUP, group)
	return host.now(b)
}
