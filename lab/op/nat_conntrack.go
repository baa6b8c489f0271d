package op

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A flow keeps the translation it began with: a rule that comes later does
// not change it, a rule that goes leaves it translated for as long as any
// other NAT rule is there. So the flows that a rule speaks of are forgotten
// when it comes and when it goes; the next packet of each begins anew.

// forgetFlows forgets the flows that rules of one table speak of, here. It is
// best effort: a kernel without ctnetlink keeps its flows, and the rules are
// true all the same.
func forgetFlows(rs []newRule) {
	rs = slices.DeleteFunc(slices.Clone(rs), func(r newRule) bool { return r.flows == nil })
	if len(rs) == 0 || noFlows() {
		return
	}
	s, err := dial(unix.NETLINK_NETFILTER, make([]byte, bufSize))
	if err != nil {
		return
	}
	defer s.close()
	_ = s.forgetFlows(rs[0].family, func(f *netlink.ConntrackFlow) bool {
		return slices.ContainsFunc(rs, func(r newRule) bool { return r.flows(f) })
	})
}

// forgetFlows lists the flows of a family and has the kernel forget some, many
// with one message: what it says of a flow is what it wants to hear.
func (s *socket) forgetFlows(family nftables.TableFamily, which func(*netlink.ConntrackFlow) bool) error {
	const conntrack = unix.NFNL_SUBSYS_CTNETLINK << 8
	var going []request
	inet := byte(unix.AF_INET)
	if family == nftables.TableFamilyIPv6 {
		inet = unix.AF_INET6
	}
	err := s.dump(conntrack|nl.IPCTNL_MSG_CT_GET, message{inet, unix.NFNETLINK_V0, 0, 0}, func(b []byte) {
		if which(readFlow(b[min(nfHeader, len(b)):])) {
			going = append(going, request{kind: conntrack | nl.IPCTNL_MSG_CT_DELETE, body: slices.Clone(b)})
		}
	})
	for some := range slices.Chunk(going, crowd) {
		_, lost := s.exchange(some, nil) // a flow may have ended by itself
		err = errors.Join(err, lost)
	}
	return err
}

// readFlow reads both directions of a flow, linux/netfilter/nfnetlink_conntrack.h.
func readFlow(b []byte) *netlink.ConntrackFlow {
	return &netlink.ConntrackFlow{
		Forward: readTuple(attribute(b, nl.CTA_TUPLE_ORIG)), Reverse: readTuple(attribute(b, nl.CTA_TUPLE_REPLY)),
	}
}

func readTuple(b []byte) (t netlink.IPTuple) {
	for kind, value := range attributes(attribute(b, nl.CTA_TUPLE_IP)) {
		switch kind {
		case nl.CTA_IP_V4_SRC, nl.CTA_IP_V6_SRC:
			t.SrcIP = value
		case nl.CTA_IP_V4_DST, nl.CTA_IP_V6_DST:
			t.DstIP = value
		}
	}
	for kind, value := range attributes(attribute(b, nl.CTA_TUPLE_PROTO)) {
		switch {
		case kind == nl.CTA_PROTO_NUM && len(value) == 1:
			t.Protocol = value[0]
		case kind == nl.CTA_PROTO_SRC_PORT && len(value) == 2:
			t.SrcPort = binary.BigEndian.Uint16(value)
		case kind == nl.CTA_PROTO_DST_PORT && len(value) == 2:
			t.DstPort = binary.BigEndian.Uint16(value)
		}
	}
	return t
}

// noFlows says whether there are none here. To list them the kernel goes through
// a table that all namespaces share and that has room for everybody's flows,
// which takes milliseconds, be it empty.
func noFlows() bool {
	n, err := readSetting("/proc/sys/net/netfilter/nf_conntrack_count")
	return err == nil && n == "0"
}

// flowsFrom are the flows with an end in a network. When that is every
// address, only those that nobody translates: the others may not be the lab's.
func flowsFrom(from netip.Prefix) func(*netlink.ConntrackFlow) bool {
	return func(f *netlink.ConntrackFlow) bool {
		if from.Bits() == 0 {
			return untranslated(f)
		}
		return anyAddr(f, from.Contains)
	}
}

// flows are those that ask for the port, or are led to where the rule leads. One
// that somebody else translates is left alone.
func (d DNAT) flows() func(*netlink.ConntrackFlow) bool {
	proto := protoNumber(d.Proto)
	return func(f *netlink.ConntrackFlow) bool {
		if f.Forward.DstPort != d.Port || f.Forward.Protocol != proto {
			return false
		}
		if d.Dest.IsValid() && flowAddr(f.Forward.DstIP) != d.Dest {
			return false
		}
		return untranslated(f) || flowAddr(f.Reverse.SrcIP) == d.To.Addr()
	}
}

// untranslated flows are answered from where they were sent to, and to where
// they were sent from.
func untranslated(f *netlink.ConntrackFlow) bool {
	there, back := f.Forward, f.Reverse
	return there.SrcIP.Equal(back.DstIP) && there.DstIP.Equal(back.SrcIP) &&
		there.SrcPort == back.DstPort && there.DstPort == back.SrcPort
}

func anyAddr(f *netlink.ConntrackFlow, is func(netip.Addr) bool) bool {
	return is(flowAddr(f.Forward.SrcIP)) || is(flowAddr(f.Forward.DstIP)) || is(flowAddr(f.Reverse.SrcIP)) || is(flowAddr(f.Reverse.DstIP))
}

func flowAddr(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

// Flows says whether this kernel lets flows be read, and so be forgotten, in
// the namespace that the process is in: nil when it does.
func Flows() error {
	_, err := (&netlink.Handle{}).ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
	return err
}
