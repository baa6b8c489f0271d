package main

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// linux/netfilter/nfnetlink_conntrack.h and nf_conntrack_common.h, as far as
// x/sys has not got it.
const (
	flowGet     = unix.NFNL_SUBSYS_CTNETLINK<<8 | 1
	flowDelete  = unix.NFNL_SUBSYS_CTNETLINK<<8 | 2
	flowStatus  = 3
	ledOn       = 1 << 5 // IPS_DST_NAT
	flowHeader  = 4      // struct nfgenmsg
	flowsAtOnce = 32
)

// forgetFlows has the kernel forget the connections that were led on: without
// the rules they would still be, for minutes. What it says of a flow is what
// it wants to hear.
func forgetFlows() error {
	s, err := dial(unix.NETLINK_NETFILTER)
	if err != nil {
		return err
	}
	defer unix.Close(int(s))
	flows, err := s.flows()
	b := &batch{}
	for some := range slices.Chunk(flows, flowsAtOnce) {
		for _, f := range some {
			b.begin(flowDelete, 0, f)
		}
		if err := s.now(b); err != nil {
			return fmt.Errorf("forget flows: %w", err)
		}
	}
	return err
}

// flows lists those that were led on.
func (s socket) flows() (out [][]byte, err error) {
	b := &batch{}
	b.begin(flowGet, unix.NLM_F_DUMP, raw(&unix.Nfgenmsg{Nfgen_family: unix.AF_INET}))
	if err := unix.Sendto(int(s), b.buf, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("list flows: %w", err)
	}
	in := make([]byte, 32<<10)
	for {
		n, err := unix.Read(int(s), in)
		if err != nil {
			return nil, fmt.Errorf("list flows: %w", err)
		}
		for m := in[:n]; len(m) >= unix.NLMSG_HDRLEN; m = m[min(len(m), int(native.Uint32(m)+3)&^3):] {
			body := m[unix.NLMSG_HDRLEN:native.Uint32(m)]
			switch kind := native.Uint16(m[4:]); {
			case kind == unix.NLMSG_DONE || kind == unix.NLMSG_ERROR:
				return out, nil
			case led(body):
				out = append(out, slices.Clone(body))
			}
		}
	}
}

// led looks for the status among the attributes of a flow.
func led(flow []byte) bool {
	for b := flow[flowHeader:]; len(b) >= unix.SizeofRtAttr; b = b[min(len(b), int(native.Uint16(b)+3)&^3):] {
		if native.Uint16(b[2:]) == flowStatus {
			return binary.BigEndian.Uint32(b[4:])&ledOn != 0
		}
	}
	return false
}
