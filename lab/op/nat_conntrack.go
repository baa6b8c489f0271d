package op

import (
	"net"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A flow keeps the translation it began with: a rule that comes later does
// not change it, a rule that goes leaves it translated for as long as any
// other NAT rule is there. So the flows that a rule speaks of are forgotten
// when it comes and when it goes; the next packet of each begins anew.

type flowFilter func(*netlink.ConntrackFlow) bool

// MatchConntrackFlow is what netlink.ConntrackDeleteFilters asks.
func (f flowFilter) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool { return f(flow) }

// forgetFlows forgets the flows that rules of one table speak of, here. It is
// best effort: a kernel without ctnetlink keeps its flows, and the rules are
// true all the same.
func forgetFlows(rs []newRule) {
	rs = slices.DeleteFunc(slices.Clone(rs), func(r newRule) bool { return r.flows == nil })
	if len(rs) == 0 || noFlows() {
		return
	}
	inet := netlink.InetFamily(unix.AF_INET)
	if rs[0].family == nftables.TableFamilyIPv6 {
		inet = unix.AF_INET6
	}
	theirs := func(f *netlink.ConntrackFlow) bool {
		return slices.ContainsFunc(rs, func(r newRule) bool { return r.flows(f) })
	}
	h := &netlink.Handle{}
	_, _ = h.ConntrackDeleteFilters(netlink.ConntrackTable, inet, flowFilter(theirs))
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

// flow says whether a flow asks for the port or is led to where the rule leads.
// One that somebody else translates is left alone.
func (d DNAT) flow(f *netlink.ConntrackFlow) bool {
	if f.Forward.Protocol != protoNumber(d.Proto) || f.Forward.DstPort != d.Port {
		return false
	}
	if d.Dest.IsValid() && flowAddr(f.Forward.DstIP) != d.Dest {
		return false
	}
	return untranslated(f) || flowAddr(f.Reverse.SrcIP) == d.To.Addr()
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
