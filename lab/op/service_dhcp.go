package op

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"nslab/topology"
)

// bootps is the port of servers of DHCP, RFC 2131 section 4.1.
const bootps = 67

// readDHCP reads {dhcp: eth0, pool: 10.67.0.100-10.67.0.199, lease: 1h, router:
// 10.67.0.1, nameservers: [10.67.0.1]}. Argv has what serve wants of it.
func (s *Service) readDHCP(args *topology.Args, v topology.Service, state *topology.State) {
	for _, key := range []string{"dhcp", "pool", "lease", "router", "nameservers"} {
		args.Value(key)
	}
	l, ok := state.Leasing(s.NS, v)
	if !ok || !l.First.IsValid() {
		args.Complain(v.Kind.Pos, "want an interface with an IPv4 address, and a pool of its network: {dhcp: eth0, pool: 10.67.0.100-10.67.0.199}")
		return
	}
	words := []string{l.Dev, l.Server.String(), l.First.String(), l.Last.String(), strconv.Itoa(int(l.Lease.Seconds())), ""}
	if l.Router.IsValid() {
		words[5] = l.Router.String()
	}
	for _, a := range l.Nameservers {
		words = append(words, a.String())
	}
	argv, _ := json.Marshal(words) // strings always marshal
	s.Port, s.Argv = bootps, string(argv)
}

// lends is what readDHCP has read, at least the words that are always there.
func (s Service) lends() []string {
	w := s.words()
	return append(w, make([]string, max(0, 6-len(w)))...)
}

// dhcpCommand is a remark: dnsmasq(8) would do.
func (s Service) dhcpCommand() Command {
	w := s.lends()
	router := strings.TrimSuffix("option:router,"+w[5], ",") // without one it would name itself
	words := []string{"dnsmasq", "-k", "-z", "-p", "0", "-i", w[0], "-F", strings.Join(w[2:5], ","), "-O", router}
	if names := w[6:]; len(names) > 0 {
		words = append(words, "-O", "option:dns-server,"+strings.Join(names, ","))
	}
	return Remark(fmt.Sprintf("%s lends %s to %s: nslab runs it itself; `%s` would do", s.what(), w[2], w[3], s.typed(words...)))
}
