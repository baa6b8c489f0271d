package proof

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// addresses are those of the interfaces, see ip-address(8), without what
// passes by itself: duplicate address detection and lifetimes.
func addresses(v *view) ([]string, error) {
	ms, err := v.route(unix.RTM_GETADDR, unix.SizeofIfAddrmsg)
	voc := vocabulary{
		unix.IFA_ADDRESS: {"peer", address}, unix.IFA_LOCAL: {"local", address}, unix.IFA_LABEL: {"label", text},
		unix.IFA_BROADCAST: {"broadcast", address}, unix.IFA_ANYCAST: {"anycast", address},
		unix.IFA_RT_PRIORITY: {"metric", number}, unix.IFA_CACHEINFO: leftOut, unix.IFA_FLAGS: {"flags", settled},
	}
	var out []string
	for _, m := range ms {
		a := find(m.attrs, unix.IFA_LOCAL)
		if a == nil {
			a = find(m.attrs, unix.IFA_ADDRESS)
		}
		key := fmt.Sprintf("%s %s/%d", v.device(m.u32(4)), address(v, a), m.header[1])
		out = append(out, v.line(key, m.attrs, voc, fmt.Sprintf("scope=%d", m.header[3])))
	}
	return out, err
}

// settled shows the flags of an address that stay.
func settled(v *view, b []byte) string {
	const passing = unix.IFA_F_TENTATIVE | unix.IFA_F_OPTIMISTIC | unix.IFA_F_DEPRECATED
	if len(b) != 4 {
		return hexadecimal(v, b)
	}
	return fmt.Sprintf("%#x", message{header: b}.u32(0)&^passing)
}

// routeWords are those of rtnetlink(7).
var routeWords = vocabulary{
	unix.RTA_DST:       leftOut, // it is the key
	unix.RTA_TABLE:     leftOut, // this too
	unix.RTA_CACHEINFO: leftOut,
	unix.RTA_EXPIRES:   leftOut,
	unix.RTA_SRC:       {"from", address},
	unix.RTA_IIF:       {"iif", device},
	unix.RTA_OIF:       {"dev", device},
	unix.RTA_GATEWAY:   {"via", address},
	unix.RTA_PREFSRC:   {"src", address},
	unix.RTA_PRIORITY:  {"metric", number},
	unix.RTA_METRICS:   {"metrics", hexadecimal},
	unix.RTA_MULTIPATH: {"nexthops", hexadecimal},
	nhID:               {"nhid", number},
	unix.RTA_PREF:      {"pref", number},
}

// nhID is RTA_NH_ID of rtnetlink.h, which golang.org/x/sys does not know yet.
const nhID = 30

// routes are those of all tables, see ip-route(8).
func routes(v *view) ([]string, error) {
	ms, err := v.route(unix.RTM_GETROUTE, unix.SizeofRtMsg)
	var out []string
	for _, m := range ms {
		flags := m.u32(8)
		if flags&unix.RTM_F_CLONED != 0 {
			continue // a memory of where a packet went
		}
		table := fmt.Sprint(m.header[4])
		if t := find(m.attrs, unix.RTA_TABLE); t != nil {
			table = number(v, t)
		}
		to := "default"
		if d := find(m.attrs, unix.RTA_DST); d != nil {
			to = fmt.Sprintf("%s/%d", address(v, d), m.header[1])
		}
		out = append(out, v.line(family(m.header[0])+" table "+table+" "+to, m.attrs, routeWords,
			fmt.Sprintf("type=%d proto=%d scope=%d tos=%d flags=%#x", m.header[7], m.header[5], m.header[6], m.header[3], flags)))
	}
	return out, err
}

func family(af byte) string {
	switch af {
	case unix.AF_INET:
		return "ipv4"
	case unix.AF_INET6:
		return "ipv6"
	}
	return fmt.Sprintf("family %d", af)
}

// nexthops are the objects of ip-nexthop(8).
func nexthops(v *view) ([]string, error) {
	const nhmsg = 8
	ms, err := v.route(unix.RTM_GETNEXTHOP, nhmsg)
	var out []string
	for _, m := range ms {
		out = append(out, v.line("nexthop "+number(v, find(m.attrs, unix.NHA_ID)), m.attrs,
			vocabulary{unix.NHA_ID: leftOut, unix.NHA_OIF: {"dev", device}, unix.NHA_GATEWAY: {"via", address}}))
	}
	return out, err
}

// rules choose the routing table, see ip-rule(8).
func rules(v *view) ([]string, error) {
	ms, err := v.route(unix.RTM_GETRULE, unix.SizeofRtMsg)
	voc := vocabulary{
		unix.FRA_PRIORITY: leftOut, unix.FRA_SRC: {"from", address}, unix.FRA_DST: {"to", address},
		unix.FRA_IIFNAME: {"iif", text}, unix.FRA_OIFNAME: {"oif", text}, unix.FRA_TABLE: {"table", number},
		unix.FRA_FWMARK: {"fwmark", number}, unix.FRA_FWMASK: {"fwmask", number}, unix.FRA_PROTOCOL: {"proto", hexadecimal},
	}
	var out []string
	for _, m := range ms {
		priority := "0"
		if p := find(m.attrs, unix.FRA_PRIORITY); p != nil {
			priority = number(v, p)
		}
		out = append(out, v.line(family(m.header[0])+" rule "+priority, m.attrs, voc,
			fmt.Sprintf("to-len=%d from-len=%d tos=%d action=%d flags=%#x", m.header[1], m.header[2], m.header[3], m.header[7], m.u32(8))))
	}
	return out, err
}

// namespaceIDs are the numbers by which this namespace knows others, see
// `ip netns list-id`. One lives as long as the namespace that it stands for,
// also when that has lost its name.
func namespaceIDs(v *view) ([]string, error) {
	const rtgenmsg = 4
	ms, err := v.route(unix.RTM_GETNSID, rtgenmsg)
	var out []string
	for _, m := range ms {
		out = append(out, "nsid "+number(v, find(m.attrs, unix.NETNSA_NSID)))
	}
	return out, err
}
