package lab

import (
	"bufio"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nslab/lab/op"
)

// machine is what is there already. It is plain data, so that what is made of
// it can be tried without a kernel.
type machine struct {
	rooms     map[string]string // names in /run/netns, with what they are
	etc       map[string]string // names in /etc/netns, with what is wrong with them
	links     map[string]link   // also by their other names (ip-link(8) altname)
	routes    []reach
	gateways  []gateway
	addresses []netip.Addr
	resolvers []netip.Addr // DNS servers
	ssh       login
	listening []socket
	listen    func() []socket // that reads listening when somebody asks
	forwards  []forward       // ports that are led elsewhere
	chains    map[string]bool // "ip nat DOCKER"
	wall      firewall
	bridgeNF  bool // bridged frames pass iptables (br_netfilter)

	reservations []reservation
}

// What a name in /run/netns is.
const (
	liveRoom  = "a namespace"
	plainFile = "a plain file"
	lostRoom  = "a namespace of a lab that nobody knows"
)

type link struct {
	kind string
	card bool // a real network card, as far as the kernel tells
	lost bool // of a lab that nobody knows
}

type reach struct {
	to  netip.Prefix
	dev string
}

type gateway struct {
	addr netip.Addr
	dev  string
}

func readMachine() (*machine, error) {
	m := &machine{ssh: readLogin(), listen: readListening, bridgeNF: brNetfilter()}
	for _, file := range resolvConfs {
		m.resolvers = append(m.resolvers, readResolvers(file)...)
	}
	m.rooms, m.etc, m.reservations = readRooms(), readEtc(), readReservations(networkDirs, leases)
	if err := m.readLinks(); err != nil {
		return nil, err
	}
	_ = readFilter(m) // a kernel that has no rules shows none
	return m, nil
}

func (m *machine) markLost(lost []Orphan) {
	for _, o := range lost {
		switch o.Kind {
		case OrphanNamespace:
			m.rooms[o.Name] = lostRoom
		case OrphanLink:
			l := m.links[o.Name]
			l.lost = true
			m.links[o.Name] = l
		}
	}
}

func (m *machine) readLinks() error {
	h := &netlink.Handle{}
	links, err := op.LinkList(h)
	if err != nil {
		return err
	}
	m.links = map[string]link{}
	names := map[int]string{}
	for _, l := range links {
		a := l.Attrs()
		names[a.Index] = a.Name
		for _, name := range append(a.AltNames, a.Name) {
			m.links[name] = link{kind: l.Type(), card: l.Type() == "device" && a.Name != "lo"}
		}
	}
	routes, err := h.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{}, netlink.RT_FILTER_TABLE) // of every table: a VPN has its own
	if err != nil {
		return err
	}
	for _, r := range routes {
		if r.Table == unix.RT_TABLE_MAIN || r.Table != unix.RT_TABLE_LOCAL && r.Type == unix.RTN_UNICAST {
			m.readRoute(r, names)
		}
	}
	addrs, err := h.AddrList(nil, netlink.FAMILY_ALL)
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			m.addresses = append(m.addresses, ip.Unmap())
		}
	}
	return err
}

// readRoute sorts a route into networks and default gateways. Every interface
// has link-local ones; they collide with nothing.
func (m *machine) readRoute(r netlink.Route, names map[int]string) {
	hops := []netlink.NexthopInfo{{LinkIndex: r.LinkIndex, Gw: r.Gw}}
	for _, p := range r.MultiPath {
		hops = append(hops, *p)
	}
	var to netip.Prefix
	if r.Dst != nil {
		ones, _ := r.Dst.Mask.Size()
		addr, ok := netip.AddrFromSlice(r.Dst.IP)
		if !ok || addr.Unmap().IsLinkLocalUnicast() {
			return
		}
		to = netip.PrefixFrom(addr.Unmap(), ones)
	}
	if to.IsValid() && to.Bits() > 0 {
		m.routes = append(m.routes, reach{to, names[hops[len(hops)-1].LinkIndex]})
		return
	}
	for _, hop := range hops {
		if a, ok := netip.AddrFromSlice(hop.Gw); ok {
			m.gateways = append(m.gateways, gateway{a.Unmap(), names[hop.LinkIndex]})
		}
	}
}

// resolvConfs name the DNS servers: where the first has only a stub of this
// machine, the second has who is asked in the end (systemd-resolved(8)).
var resolvConfs = []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"}

// readResolvers reads resolv.conf(5).
func readResolvers(path string) []netip.Addr {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var out []netip.Addr
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		if len(w) < 2 || w[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(w[1]); err == nil {
			out = append(out, a.Unmap().WithZone(""))
		}
	}
	return out
}

// brNetfilter says whether bridged frames pass iptables here.
func brNetfilter() bool {
	b, err := os.ReadFile("/proc/sys/net/bridge/bridge-nf-call-iptables")
	return err == nil && strings.TrimSpace(string(b)) == "1"
}
